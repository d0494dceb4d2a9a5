#include "server/service/bulk_reply.h"

#include "server/domain/bulk_codec.h"

void bulk_reply(struct service_call *call, const struct bulk_record *bulk,
                const struct slice *sample, int sample_count) {
    struct strbuf b = STRBUF_INIT;
    bulk_put(&b, call->arena, bulk, sample, sample_count);
    struct slice reply = strbuf_slice(&b);
    service_call_reply(call, &reply, 1);
    strbuf_release(&b);
}
