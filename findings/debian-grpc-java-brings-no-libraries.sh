#!/usr/bin/env bash
# Guess: installing a distribution's package of a library brings what the library needs, so a
#   class path of the package and its dependencies makes a call.
# What happens: Debian 12's libgrpc-java depends on libopencensus-java alone, which depends on
#   nothing. The first line that uses gRPC ends with NoClassDefFoundError; Guava, Netty, PerfMark
#   and, for generated stubs, protobuf and javax.annotation have to be named one by one. Without
#   PerfMark a call that comes before the name is resolved does not even fail: the error is
#   logged, and the call waits for its deadline, or for ever.
# Versions: libgrpc-java 1.41.3+ds-1 (Debian 12).
# Why it matters: a program that works where something else had installed them, Bazel for
#   instance, fails on a fresh machine, and one class at a time: PerfMark's is missed only at
#   the first call.
set -euo pipefail
dpkg-query -W -f '${Version}\n' libgrpc-java 2>/dev/null | grep -q '^1\.41\.3+ds-' ||
    apt-get install -y -qq --no-install-recommends 'libgrpc-java=1.41.3+ds-*' >/dev/null
apt-get install -y -qq --no-install-recommends default-jdk-headless libguava-java libnetty-java \
    libperfmark-java >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >Try.java <<'END_OF_SCRIPT'
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.concurrent.TimeUnit;

public class Try {
    static class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        public InputStream stream(byte[] value) { return new ByteArrayInputStream(value); }
        public byte[] parse(InputStream stream) { return new byte[0]; }
    }

    // A call to a port where nobody listens.
    public static void main(String[] arguments) {
        try {
            ManagedChannel channel =
                    ManagedChannelBuilder.forTarget("127.0.0.1:1").usePlaintext().build();
            ClientCalls.blockingUnaryCall(channel,
                    MethodDescriptor.newBuilder(new Bytes(), new Bytes())
                            .setType(MethodDescriptor.MethodType.UNARY)
                            .setFullMethodName("t.Runs/Cancel").build(),
                    CallOptions.DEFAULT.withDeadlineAfter(10, TimeUnit.SECONDS), new byte[0]);
        } catch (StatusRuntimeException error) {
            System.out.println(error.getStatus().getCode());
        } catch (Throwable error) {
            System.out.println(error);
        }
        System.exit(0);
    }
}
END_OF_SCRIPT
# The package with all that it depends on, and those of its dependencies.
mapfile -t packages < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
    --no-breaks --no-replaces --no-enhances libgrpc-java | grep '^[a-z]' | sort -u)
jars() { dpkg -L "$@" | grep '^/usr/share/java/.*[.]jar$' | sort | tr '\n' ':'; }
# What is missing, in the exception or the log; else how the call ended.
call() {
    timeout 120 java -cp "$1" Try.java >said 2>&1 || true
    grep -o 'NoClassDefFoundError: [A-Za-z/]*' said | head -n 1 | grep . || grep -o '^[A-Z_]*$' said
}
closure=$(jars "${packages[@]}")
seen="depends: ${packages[*]}
those alone: $(call "$closure")
and Guava, Netty: $(call "$closure:$(jars libguava-java libnetty-java)")
and PerfMark: $(call "$closure:$(jars libguava-java libnetty-java libperfmark-java)")"
expected='depends: libgrpc-java libopencensus-java
those alone: NoClassDefFoundError: com/google/common/base/Preconditions
and Guava, Netty: NoClassDefFoundError: io/perfmark/PerfMark
and PerfMark: UNAVAILABLE'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
