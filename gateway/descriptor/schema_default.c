#include "gateway/descriptor/schema_default.h"

#include "base/core/wire.h"

void schema_default_of(struct arena *a, const upb_FieldDef *field, uint64_t *ret_value,
                       struct slice *ret_bytes) {
    int type = upb_FieldDef_Type(field);
    upb_MessageValue value = upb_FieldDef_Default(field);
    switch (type) {
    case SCHEMA_STRING:
    case SCHEMA_BYTES:
        *ret_bytes = arena_copy(a, slice_of(value.str_val.data, value.str_val.size));
        break;
    case SCHEMA_DOUBLE:
        *ret_value = wire_double_bits(value.double_val);
        break;
    case SCHEMA_FLOAT: {
        uint32_t bits;
        memcpy(&bits, &value.float_val, sizeof(bits));
        *ret_value = bits;
        break;
    }
    case SCHEMA_BOOL:
        *ret_value = value.bool_val;
        break;
    case SCHEMA_SINT32:
    case SCHEMA_SINT64: {
        int64_t number = type == SCHEMA_SINT32 ? value.int32_val : value.int64_val;
        *ret_value = (uint64_t)number << 1 ^ (uint64_t)(number < 0 ? -1 : 0);
        break;
    }
    case SCHEMA_INT32:
    case SCHEMA_SFIXED32:
    case SCHEMA_ENUM:
        *ret_value = (uint64_t)(int64_t)value.int32_val;
        break;
    case SCHEMA_UINT32:
    case SCHEMA_FIXED32:
        *ret_value = value.uint32_val;
        break;
    default:
        *ret_value = value.uint64_val;
        break;
    }
}
