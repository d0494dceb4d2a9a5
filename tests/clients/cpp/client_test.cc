// A C++ client with generated stubs (libgrpc++) against the real server.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <memory>
#include <regex>
#include <runs/v1/runs_service.grpc.pb.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int kDeadlineSeconds = 60;

std::string RunsctlPath() {
    const char *sources = getenv("TEST_SRCDIR");
    const char *workspace = getenv("TEST_WORKSPACE");
    return std::string(sources) + "/" + workspace + "/ctl/runsctl";
}

// The output of a command; fails the test if it fails.
std::string Output(const std::string &command) {
    FILE *pipe = popen(command.c_str(), "r");
    std::string text;
    for (int c; (c = fgetc(pipe)) != EOF;) {
        text += static_cast<char>(c);
    }
    EXPECT_EQ(0, pclose(pipe)) << command;
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

// runsctl serve on a free port.
class Server {
  public:
    explicit Server(const std::string &store) {
        int log[2];
        if (pipe(log) != 0) {
            abort();
        }
        pid_ = fork();
        if (pid_ == 0) {
            dup2(log[1], STDERR_FILENO);
            close(log[0]);
            const std::string path = RunsctlPath();
            execl(path.c_str(), "runsctl", "serve", "--http", "127.0.0.1:0", "--grpc",
                  "127.0.0.1:0", "--store", store.c_str(), nullptr);
            _exit(127);
        }
        close(log[1]);
        // The log stays open so that the server can write it; it is short.
        log_ = fdopen(log[0], "r");
        const std::regex port("\"message\":\"serving gRPC\".*\"port\":([0-9]+)");
        char line[4096];
        while (port_ == 0 && fgets(line, sizeof(line), log_) != nullptr) {
            std::cmatch match;
            if (std::regex_search(line, match, port)) {
                port_ = std::stoi(match[1]);
            }
        }
    }
    ~Server() {
        kill(pid_, SIGTERM);
        int status = 0;
        waitpid(pid_, &status, 0);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
        fclose(log_);
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(port_);
    }
    bool ready() const {
        return port_ != 0;
    }

  private:
    pid_t pid_;
    FILE *log_;
    int port_ = 0;
};

class CppClient : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        const std::string store = "sqlite:" + ::testing::TempDir() + "client_test.db";
        token_ =
            new std::string(Output(RunsctlPath() + " tokens create --create --store '" + store +
                                   "' --org acme --scopes runs.create,runs.cancel --quiet"));
        server_ = new Server(store);
        ASSERT_TRUE(server_->ready()) << "runsctl serve ended";
        stub_ = runs::v1::RunsService::NewStub(
                    grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()))
                    .release();
    }
    static void TearDownTestSuite() {
        delete stub_;
        delete server_;
        delete token_;
    }

    static std::unique_ptr<grpc::ClientContext> Context() {
        auto context = std::make_unique<grpc::ClientContext>();
        context->AddMetadata("authorization", "Bearer " + *token_);
        context->set_deadline(std::chrono::system_clock::now() +
                              std::chrono::seconds(kDeadlineSeconds));
        return context;
    }

    static grpc::Status Create(runs::v1::Run *created) {
        runs::v1::CreateRunRequest request;
        auto *run = request.mutable_run();
        run->set_workflow_id("payout");
        auto *root =
            (*run->mutable_workflow_definition()->mutable_nodes()->mutable_fields())["root"]
                .mutable_struct_value();
        (*root->mutable_fields())["type"].set_string_value("manual");
        run->add_simulation_forks()->set_chain_id(11297108109);
        return stub_->CreateRun(Context().get(), request, created);
    }

    static grpc::Status Cancel(const std::string &id, runs::v1::Run *run) {
        runs::v1::CancelRunRequest request;
        request.set_id(id);
        return stub_->CancelRun(Context().get(), request, run);
    }

    // The ErrorInfo in a status's details.
    static google::rpc::ErrorInfo Info(const grpc::Status &status) {
        google::rpc::Status details;
        EXPECT_TRUE(details.ParseFromString(status.error_details()));
        EXPECT_EQ(static_cast<int>(status.error_code()), details.code());
        google::rpc::ErrorInfo info;
        for (const auto &detail : details.details()) {
            if (detail.UnpackTo(&info)) {
                return info;
            }
        }
        ADD_FAILURE() << "no ErrorInfo in " << details.ShortDebugString();
        return info;
    }

    static std::string *token_;
    static Server *server_;
    static runs::v1::RunsService::Stub *stub_;
};

std::string *CppClient::token_;
Server *CppClient::server_;
runs::v1::RunsService::Stub *CppClient::stub_;

TEST_F(CppClient, Creates) {
    runs::v1::Run run;
    const grpc::Status status = Create(&run);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(runs::v1::RUN_STATUS_RUNNING, run.status());
    EXPECT_EQ("acme", run.organization_id());
    EXPECT_EQ(11297108109, run.simulation_forks(0).chain_id());
}

TEST_F(CppClient, Cancels) {
    runs::v1::Run run;
    ASSERT_TRUE(Create(&run).ok());
    const grpc::Status status = Cancel(run.id(), &run);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(runs::v1::RUN_STATUS_CANCELLED, run.status());
    EXPECT_TRUE(run.has_finished_at());
}

TEST_F(CppClient, IsToldTheStateWhenItCancelsAgain) {
    runs::v1::Run run;
    ASSERT_TRUE(Create(&run).ok());
    ASSERT_TRUE(Cancel(run.id(), &run).ok());
    const grpc::Status status = Cancel(run.id(), &run);
    ASSERT_EQ(grpc::StatusCode::FAILED_PRECONDITION, status.error_code());
    const google::rpc::ErrorInfo info = Info(status);
    EXPECT_EQ("RUN_ALREADY_FINISHED", info.reason());
    EXPECT_EQ("runs.v1", info.domain());
    EXPECT_EQ("cancelled", info.metadata().at("status"));
    EXPECT_EQ(1u, info.metadata().count("finishedAt"));
}

TEST_F(CppClient, IsToldThatARunIsMissing) {
    runs::v1::Run run;
    const grpc::Status status = Cancel("there-is-none", &run);
    ASSERT_EQ(grpc::StatusCode::NOT_FOUND, status.error_code());
    EXPECT_EQ("RUN_NOT_FOUND", Info(status).reason());
}

} // namespace
