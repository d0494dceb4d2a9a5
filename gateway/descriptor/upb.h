#ifndef RUNSD_GATEWAY_DESCRIPTOR_UPB_H
#define RUNSD_GATEWAY_DESCRIPTOR_UPB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The part of upb that we call, declared by hand: libgrpc-dev ships libupb.so.29
// without its headers (Debian's libupb-dev is another, conflicting upb).
// The names and layouts are upb's; tests/gateway/descriptor proves them against
// the library that is linked. All types but the two that are defined here are opaque. Pure.

typedef struct upb_Arena upb_Arena;
typedef struct upb_DefPool upb_DefPool;
typedef struct upb_EnumDef upb_EnumDef;
typedef struct upb_EnumValueDef upb_EnumValueDef;
typedef struct upb_ExtensionRegistry upb_ExtensionRegistry;
typedef struct upb_FieldDef upb_FieldDef;
typedef struct upb_FileDef upb_FileDef;
typedef struct upb_MessageDef upb_MessageDef;
typedef struct upb_MethodDef upb_MethodDef;
typedef struct upb_MiniTable upb_MiniTable;
typedef struct upb_OneofDef upb_OneofDef;
typedef struct upb_ServiceDef upb_ServiceDef;
typedef struct upb_alloc upb_alloc;

// The value of a field; which member holds it follows from its type.
typedef union {
    bool bool_val;
    float float_val;
    double double_val;
    int32_t int32_val;
    int64_t int64_val;
    uint32_t uint32_val;
    uint64_t uint64_val;
    const void *msg_val;
    struct {
        const char *data;
        size_t size;
    } str_val;
} upb_MessageValue;

typedef struct {
    bool ok;
    char msg[127]; // ends with NUL
} upb_Status;

enum { UPB_SYNTAX_PROTO2 = 2, UPB_SYNTAX_PROTO3 = 3 };

// Memory. upb_Arena_Init(NULL, 0, &upb_alloc_global) makes an arena on malloc.
extern upb_alloc upb_alloc_global;
upb_Arena *upb_Arena_Init(void *memory, size_t size, upb_alloc *alloc);
void upb_Arena_Free(upb_Arena *arena);

void upb_Status_Clear(upb_Status *status);
const char *upb_Status_ErrorMessage(const upb_Status *status);

// Messages on the wire; 0 is success. What decodes borrows from buffer only
// with an option that we do not set.
int upb_Decode(const char *buffer, size_t size, void *message, const upb_MiniTable *table,
               const upb_ExtensionRegistry *extensions, int options, upb_Arena *arena);
int upb_Encode(const void *message, const upb_MiniTable *table, int options, upb_Arena *arena,
               char **ret_buffer, size_t *ret_size);
void *_upb_Message_New(const upb_MiniTable *table, upb_Arena *arena);
void *upb_Message_New(const upb_MessageDef *message, upb_Arena *arena);
size_t upb_JsonEncode(const void *message, const upb_MessageDef *type,
                      const upb_DefPool *extensions, int options, char *buffer, size_t size,
                      upb_Status *status);
bool upb_JsonDecode(const char *buffer, size_t size, void *message, const upb_MessageDef *type,
                    const upb_DefPool *any_pool, int options, upb_Arena *arena, upb_Status *status);

// The messages of descriptor.proto that are compiled into the library.
extern const upb_MiniTable google_protobuf_FileDescriptorProto_msginit;
extern const upb_MiniTable google_protobuf_MessageOptions_msginit;
extern const upb_MiniTable google_protobuf_FieldOptions_msginit;
extern const upb_MiniTable google_protobuf_EnumOptions_msginit;
extern const upb_MiniTable google_protobuf_EnumValueOptions_msginit;
extern const upb_MiniTable google_protobuf_MethodOptions_msginit;

// Definitions. They live as long as their pool.
upb_DefPool *upb_DefPool_New(void);
void upb_DefPool_Free(upb_DefPool *pool);
const upb_FileDef *upb_DefPool_AddFile(upb_DefPool *pool, const void *file_descriptor_proto,
                                       upb_Status *status);
const upb_MessageDef *upb_DefPool_FindMessageByName(const upb_DefPool *pool, const char *name);
const upb_FileDef *upb_DefPool_FindFileByName(const upb_DefPool *pool, const char *name);

const char *upb_FileDef_Name(const upb_FileDef *file);
int upb_FileDef_Syntax(const upb_FileDef *file);
int upb_FileDef_TopLevelMessageCount(const upb_FileDef *file);
const upb_MessageDef *upb_FileDef_TopLevelMessage(const upb_FileDef *file, int index);
int upb_FileDef_TopLevelEnumCount(const upb_FileDef *file);
const upb_EnumDef *upb_FileDef_TopLevelEnum(const upb_FileDef *file, int index);
int upb_FileDef_ServiceCount(const upb_FileDef *file);
const upb_ServiceDef *upb_FileDef_Service(const upb_FileDef *file, int index);

const char *upb_MessageDef_FullName(const upb_MessageDef *message);
const upb_MiniTable *upb_MessageDef_MiniTable(const upb_MessageDef *message);
const void *upb_MessageDef_Options(const upb_MessageDef *message);
int upb_MessageDef_FieldCount(const upb_MessageDef *message);
const upb_FieldDef *upb_MessageDef_Field(const upb_MessageDef *message, int index);
int upb_MessageDef_OneofCount(const upb_MessageDef *message);
const upb_OneofDef *upb_MessageDef_Oneof(const upb_MessageDef *message, int index);
int upb_MessageDef_NestedMessageCount(const upb_MessageDef *message);
const upb_MessageDef *upb_MessageDef_NestedMessage(const upb_MessageDef *message, int index);
int upb_MessageDef_NestedEnumCount(const upb_MessageDef *message);
const upb_EnumDef *upb_MessageDef_NestedEnum(const upb_MessageDef *message, int index);

const char *upb_OneofDef_Name(const upb_OneofDef *oneof);
uint32_t upb_OneofDef_Index(const upb_OneofDef *oneof);

const char *upb_FieldDef_Name(const upb_FieldDef *field);
const char *upb_FieldDef_JsonName(const upb_FieldDef *field);
uint32_t upb_FieldDef_Number(const upb_FieldDef *field);
int upb_FieldDef_Type(const upb_FieldDef *field); // as FieldDescriptorProto.Type
bool upb_FieldDef_IsRepeated(const upb_FieldDef *field);
bool upb_FieldDef_IsMap(const upb_FieldDef *field);
bool upb_FieldDef_IsPacked(const upb_FieldDef *field);
bool upb_FieldDef_HasPresence(const upb_FieldDef *field);
upb_MessageValue upb_FieldDef_Default(const upb_FieldDef *field);
const upb_OneofDef *upb_FieldDef_RealContainingOneof(const upb_FieldDef *field);
const upb_MessageDef *upb_FieldDef_MessageSubDef(const upb_FieldDef *field);
const upb_EnumDef *upb_FieldDef_EnumSubDef(const upb_FieldDef *field);
const void *upb_FieldDef_Options(const upb_FieldDef *field);

const char *upb_EnumDef_FullName(const upb_EnumDef *enumeration);
const void *upb_EnumDef_Options(const upb_EnumDef *enumeration);
int upb_EnumDef_ValueCount(const upb_EnumDef *enumeration);
const upb_EnumValueDef *upb_EnumDef_Value(const upb_EnumDef *enumeration, int index);
const char *upb_EnumValueDef_Name(const upb_EnumValueDef *value);
int32_t upb_EnumValueDef_Number(const upb_EnumValueDef *value);
const void *upb_EnumValueDef_Options(const upb_EnumValueDef *value);

const char *upb_ServiceDef_FullName(const upb_ServiceDef *service);
int upb_ServiceDef_MethodCount(const upb_ServiceDef *service);
const upb_MethodDef *upb_ServiceDef_Method(const upb_ServiceDef *service, int index);
const char *upb_MethodDef_Name(const upb_MethodDef *method);
const upb_MessageDef *upb_MethodDef_InputType(const upb_MethodDef *method);
const upb_MessageDef *upb_MethodDef_OutputType(const upb_MethodDef *method);
bool upb_MethodDef_ClientStreaming(const upb_MethodDef *method);
bool upb_MethodDef_ServerStreaming(const upb_MethodDef *method);
const void *upb_MethodDef_Options(const upb_MethodDef *method);

#ifdef __cplusplus
}
#endif

#endif
