// Names, extensions and imports of a descriptor set, against libprotobuf's own pool.

#include <functional>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <set>

#include "tests/rpc/fixture.h"

extern "C" {
#include "protos/served_descriptor_set.h"
#include "server/open/descriptor_index.h"
}

namespace {

namespace pb = google::protobuf;

class Index {
  public:
    explicit Index(std::string set)
        : set_(std::move(set)), index_(descriptor_index_new(SliceOf(set_))) {}
    ~Index() {
        descriptor_index_free(index_);
    }
    bool ok() const {
        return index_ != nullptr;
    }
    int Symbol(const std::string &name) const {
        return descriptor_index_symbol(index_, SliceOf(name));
    }
    int File(const std::string &name) const {
        return descriptor_index_file(index_, SliceOf(name));
    }
    int Extension(const std::string &type, int number) const {
        return descriptor_index_extension(index_, SliceOf(type), number);
    }
    bool IsMessage(const std::string &name) const {
        return descriptor_index_is_message(index_, SliceOf(name));
    }
    std::vector<int32_t> Numbers(const std::string &type) const {
        Arena a;
        const int32_t *numbers;
        size_t count = descriptor_index_extension_numbers(index_, a.get(), SliceOf(type), &numbers);
        return std::vector<int32_t>(numbers, numbers + count);
    }
    std::vector<std::string> Closure(int file) const {
        Arena a;
        const struct slice *files;
        size_t count = descriptor_index_closure(index_, a.get(), file, &files);
        std::vector<std::string> bytes;
        for (size_t i = 0; i < count; i++) {
            bytes.push_back(Text(files[i]));
        }
        return bytes;
    }

  private:
    std::string set_;
    struct descriptor_index *index_;
};

// Every full name that the pool knows of a file, and whether it is a message.
void Names(const pb::Descriptor *message, std::map<std::string, bool> *names);

void Names(const pb::EnumDescriptor *type, std::map<std::string, bool> *names) {
    (*names)[type->full_name()] = false;
    for (int i = 0; i < type->value_count(); i++) {
        (*names)[type->value(i)->full_name()] = false;
    }
}

void Names(const pb::Descriptor *message, std::map<std::string, bool> *names) {
    (*names)[message->full_name()] = true;
    for (int i = 0; i < message->field_count(); i++) {
        (*names)[message->field(i)->full_name()] = false;
    }
    for (int i = 0; i < message->oneof_decl_count(); i++) {
        (*names)[message->oneof_decl(i)->full_name()] = false;
    }
    for (int i = 0; i < message->extension_count(); i++) {
        (*names)[message->extension(i)->full_name()] = false;
    }
    for (int i = 0; i < message->enum_type_count(); i++) {
        Names(message->enum_type(i), names);
    }
    for (int i = 0; i < message->nested_type_count(); i++) {
        Names(message->nested_type(i), names);
    }
}

std::map<std::string, bool> NamesOf(const pb::FileDescriptor *file) {
    std::map<std::string, bool> names;
    for (int i = 0; i < file->message_type_count(); i++) {
        Names(file->message_type(i), &names);
    }
    for (int i = 0; i < file->enum_type_count(); i++) {
        Names(file->enum_type(i), &names);
    }
    for (int i = 0; i < file->extension_count(); i++) {
        names[file->extension(i)->full_name()] = false;
    }
    for (int i = 0; i < file->service_count(); i++) {
        names[file->service(i)->full_name()] = false;
        for (int n = 0; n < file->service(i)->method_count(); n++) {
            names[file->service(i)->method(n)->full_name()] = false;
        }
    }
    return names;
}

std::string Served() {
    return Text(served_descriptor_set());
}

TEST(DescriptorIndex, KnowsEveryNameThatLibprotobufKnows) {
    pb::FileDescriptorSet set;
    ASSERT_TRUE(set.ParseFromString(Served()));
    Index index(Served());
    ASSERT_TRUE(index.ok());
    pb::DescriptorPool pool;
    size_t names = 0;
    for (int i = 0; i < set.file_size(); i++) {
        ASSERT_NE(pool.BuildFile(set.file(i)), nullptr) << set.file(i).name();
        EXPECT_EQ(index.File(set.file(i).name()), i);
        for (const auto &pair : NamesOf(pool.FindFileByName(set.file(i).name()))) {
            EXPECT_EQ(index.Symbol(pair.first), i) << pair.first;
            EXPECT_EQ(index.IsMessage(pair.first), pair.second) << pair.first;
            for (const std::string &wrong :
                 {pair.first + "x", "." + pair.first, pair.first.substr(1)}) {
                EXPECT_EQ(index.Symbol(wrong) != DESCRIPTOR_NO_FILE,
                          pool.FindFileContainingSymbol(wrong) != nullptr && wrong[0] != '.')
                    << wrong;
            }
            names++;
        }
    }
    EXPECT_GT(names, 400u);
    EXPECT_EQ(index.Symbol(""), DESCRIPTOR_NO_FILE);
    EXPECT_EQ(index.File("runs/v1/none.proto"), DESCRIPTOR_NO_FILE);
}

TEST(DescriptorIndex, KnowsExtensions) {
    Index index(Served());
    int annotations = index.File("google/api/annotations.proto");
    ASSERT_NE(annotations, DESCRIPTOR_NO_FILE);
    EXPECT_EQ(index.Extension("google.protobuf.MethodOptions", 72295728), annotations);
    EXPECT_EQ(index.Extension("google.protobuf.MethodOptions", 72295729), DESCRIPTOR_NO_FILE);
    EXPECT_EQ(index.Extension("google.protobuf.FieldOptions", 72295728), DESCRIPTOR_NO_FILE);
    EXPECT_EQ(index.Extension("", 0), DESCRIPTOR_NO_FILE);
    auto numbers = index.Numbers("google.protobuf.MethodOptions");
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
    EXPECT_EQ(std::count(numbers.begin(), numbers.end(), 72295728), 1);
    EXPECT_TRUE(index.Numbers("runs.v1.Run").empty());
}

TEST(DescriptorIndex, GivesAFileWithAllThatItImports) {
    Index index(Served());
    pb::FileDescriptorSet set;
    ASSERT_TRUE(set.ParseFromString(Served()));
    for (int i = 0; i < set.file_size(); i++) {
        std::map<std::string, pb::FileDescriptorProto> files;
        for (const std::string &bytes : index.Closure(i)) {
            pb::FileDescriptorProto file;
            ASSERT_TRUE(file.ParseFromString(bytes));
            EXPECT_TRUE(files.emplace(file.name(), file).second) << "twice: " << file.name();
        }
        EXPECT_EQ(index.Closure(i)[0], set.file(i).SerializeAsString());
        // It is closed, and nothing is in it that is not needed.
        std::set<std::string> needed;
        std::function<void(const std::string &)> need = [&](const std::string &name) {
            if (needed.insert(name).second) {
                ASSERT_EQ(files.count(name), 1u) << name;
                for (const auto &import : files[name].dependency()) {
                    need(import);
                }
            }
        };
        need(set.file(i).name());
        EXPECT_EQ(needed.size(), files.size());
    }
}

TEST(DescriptorIndex, FollowsImportsInACircle) {
    // protoc never makes one; a wrong set must not make us run for ever.
    pb::FileDescriptorSet set;
    for (const char *name : {"a.proto", "b.proto"}) {
        auto *file = set.add_file();
        file->set_name(name);
        file->add_dependency("a.proto");
        file->add_dependency("b.proto");
    }
    Index index(set.SerializeAsString());
    ASSERT_TRUE(index.ok());
    EXPECT_EQ(index.Closure(0).size(), 2u);
}

TEST(DescriptorIndex, IndexesAnEmptySet) {
    Index index("");
    ASSERT_TRUE(index.ok());
    EXPECT_EQ(index.Symbol("a.B"), DESCRIPTOR_NO_FILE);
    EXPECT_EQ(index.Extension("a.B", 1), DESCRIPTOR_NO_FILE);
    EXPECT_TRUE(index.Numbers("a.B").empty());
}

TEST(DescriptorIndex, RefusesWhatIsNoSet) {
    pb::FileDescriptorSet set;
    auto *file = set.add_file();
    file->set_name("a.proto");
    file->add_dependency("missing.proto");
    EXPECT_FALSE(Index(set.SerializeAsString()).ok());
    EXPECT_FALSE(Index("\x0A\x05xx").ok());
    EXPECT_FALSE(Index("no descriptor set at all").ok());
    // Cut anywhere: refused, or a shorter set; never read beyond the end.
    std::string served = Served();
    for (size_t n = 0; n < served.size(); n += 97) {
        Index cut(served.substr(0, n));
    }
}

} // namespace
