#ifndef RUNSD_SERVER_SERVICE_ORGANIZATION_EXPORT_H
#define RUNSD_SERVER_SERVICE_ORGANIZATION_EXPORT_H

#include "server/service/service_stream.h"

// The stream of ExportOrganization: all that is kept of an organization, as its client takes it.
// It reads the store by pages, one after the other, each when the one before was sent; of a run
// all of its events at once. So an export holds a page of runs and the events of one of them.

// The streams that are exports.
extern const struct service_stream_kind organization_export_kind;

// Makes an export of a stream that service_stream_open made for organization_export_kind: begins
// it, or returns the error that refuses it, in the call's arena. name is copied. On the loop's
// thread, in the method's handler.
const struct error *organization_export_begin(struct service_stream *stream, const char *name);

#endif
