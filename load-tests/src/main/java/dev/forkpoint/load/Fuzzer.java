package dev.forkpoint.load;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

/**
 * Calls every method of a service with random bytes, random messages, damaged ones, and good ones
 * in which a field or two were changed. Each call must end within its deadline, with a status that
 * fits, and without a stack trace.
 */
public final class Fuzzer {

    private static final int DEADLINE_SECONDS = 20;

    /** A call with nonsense in it may be refused; these would mean that it broke something. */
    private static final Set<Status.Code> UNSUITABLE =
            Set.of(
                    Status.Code.DEADLINE_EXCEEDED,
                    Status.Code.UNAVAILABLE,
                    Status.Code.DATA_LOSS,
                    Status.Code.INTERNAL,
                    Status.Code.UNKNOWN);

    private static final Pattern STACK_TRACE =
            Pattern.compile("\\n?\\s+at [\\w.$]+\\(|Exception in thread|Caused by:");

    private static final int MOST_ANSWERS_READ = 50;

    /**
     * What came of it.
     *
     * @param calls number of calls
     * @param statuses calls by method and status
     * @param violations at most 20 of what must not be, with the seed that repeats it
     */
    public record Result(long calls, Map<String, Long> statuses, List<String> violations) {}

    private static final MethodDescriptor.Marshaller<byte[]> BYTES =
            new MethodDescriptor.Marshaller<>() {
                @Override
                public InputStream stream(byte[] value) {
                    return new ByteArrayInputStream(value);
                }

                @Override
                public byte[] parse(InputStream stream) {
                    try {
                        return stream.readAllBytes();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            };

    private final Channel channel;
    private final List<ServiceDescriptor> services;
    private final List<Message> good;
    private final long seed;

    /**
     * The n-th call is a function of (seed, n).
     *
     * @param good requests that the service takes, of some of its methods
     */
    public Fuzzer(
            Channel channel, List<ServiceDescriptor> services, List<Message> good, long seed) {
        this.channel = channel;
        this.services = List.copyOf(services);
        this.good = List.copyOf(good);
        this.seed = seed;
    }

    /** Makes {@code calls} calls, spread over all methods. */
    public Result run(long calls) throws InterruptedException {
        return run(calls, 0);
    }

    /** Makes {@code calls} calls, the first of which is call {@code from}. */
    public Result run(long calls, long from) throws InterruptedException {
        Map<String, Long> statuses = new TreeMap<>();
        List<String> violations = new ArrayList<>();
        List<MethodDescriptor<?, ?>> methods = new ArrayList<>();
        services.forEach(service -> methods.addAll(service.getMethods()));
        for (long n = from; n < from + calls; n++) {
            MethodDescriptor<?, ?> method = methods.get((int) (n % methods.size()));
            SplittableRandom random = new SplittableRandom(seed * 1_000_003 + n);
            Outcome outcome = call(method, messages(method, random));
            String where = method.getBareMethodName() + " " + outcome.status.getCode();
            statuses.merge(where, 1L, Long::sum);
            if (violations.size() < 20 && !outcome.isSuitable()) {
                violations.add(
                        "%s, seed %d, call %d: %s"
                                .formatted(method.getFullMethodName(), seed, n, outcome.text()));
            }
        }
        return new Result(calls, statuses, violations);
    }

    private record Outcome(Status status, List<byte[]> answers) {
        boolean isSuitable() {
            return !UNSUITABLE.contains(status.getCode()) && !STACK_TRACE.matcher(text()).find();
        }

        /** The status and everything in the answers that may be text. */
        String text() {
            StringBuilder out = new StringBuilder(status.toString());
            for (byte[] answer : answers) {
                out.append(' ').append(new String(answer, StandardCharsets.ISO_8859_1));
            }
            return out.length() > 4000 ? out.substring(0, 4000) : out.toString();
        }
    }

    private <Q, A> Outcome call(MethodDescriptor<Q, A> method, List<byte[]> requests)
            throws InterruptedException {
        MethodDescriptor<byte[], byte[]> raw = method.toBuilder(BYTES, BYTES).build();
        ClientCall<byte[], byte[]> call =
                channel.newCall(
                        raw,
                        CallOptions.DEFAULT.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS));
        CompletableFuture<Status> end = new CompletableFuture<>();
        List<byte[]> answers = new ArrayList<>();
        call.start(
                new ClientCall.Listener<byte[]>() {
                    private int read;

                    @Override
                    public void onMessage(byte[] message) {
                        synchronized (answers) {
                            if (answers.size() < 4) {
                                answers.add(message);
                            }
                        }
                        if (++read == MOST_ANSWERS_READ) {
                            end.complete(Status.OK.withDescription("more answers than are read"));
                            call.cancel("read enough", null);
                        } else {
                            call.request(1);
                        }
                    }

                    @Override
                    public void onClose(Status status, Metadata trailers) {
                        end.complete(status);
                    }
                },
                new Metadata());
        call.request(1);
        for (byte[] request : requests) {
            call.sendMessage(request);
        }
        call.halfClose();
        Status status;
        try {
            status = end.get(DEADLINE_SECONDS + 10, TimeUnit.SECONDS);
        } catch (TimeoutException | ExecutionException e) {
            call.cancel("no end", e);
            status = Status.DEADLINE_EXCEEDED.withDescription("the call never ended");
        }
        synchronized (answers) {
            return new Outcome(status, List.copyOf(answers));
        }
    }

    private List<byte[]> messages(MethodDescriptor<?, ?> method, SplittableRandom random) {
        int count = method.getType().clientSendsOneMessage() ? 1 : random.nextInt(4);
        Descriptor type =
                ((ProtoMethodDescriptorSupplier) method.getSchemaDescriptor())
                        .getMethodDescriptor()
                        .getInputType();
        List<Message> examples =
                good.stream().filter(m -> m.getDescriptorForType().equals(type)).toList();
        List<byte[]> out = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Message base =
                    examples.isEmpty() || random.nextBoolean()
                            ? message(type, random, 0)
                            : mutated(examples.get(random.nextInt(examples.size())), random, 0);
            out.add(
                    switch (random.nextInt(5)) {
                        case 0 -> noise(random);
                        case 1 -> damaged(base.toByteArray(), random);
                        default -> base.toByteArray();
                    });
        }
        return out;
    }

    /** The message with one field, or one of a field's, changed or left out; sometimes two. */
    private static Message mutated(Message message, SplittableRandom random, int depth) {
        List<FieldDescriptor> fields = message.getDescriptorForType().getFields();
        if (fields.isEmpty()) {
            return message;
        }
        Message.Builder out = message.toBuilder();
        for (int i = random.nextInt(4) == 0 ? 2 : 1; i > 0; i--) {
            FieldDescriptor field = fields.get(random.nextInt(fields.size()));
            if (field.isRepeated()) {
                if (random.nextInt(4) == 0) {
                    out.clearField(field);
                }
                out.addRepeatedField(field, value(field, random, depth));
            } else if (random.nextInt(6) == 0) {
                out.clearField(field);
            } else if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE
                    && message.hasField(field)) {
                out.setField(field, mutated((Message) message.getField(field), random, depth + 1));
            } else {
                out.setField(field, value(field, random, depth));
            }
        }
        return out.build();
    }

    private static byte[] noise(SplittableRandom random) {
        byte[] out = new byte[random.nextInt(200)];
        random.nextBytes(out);
        return out;
    }

    private static byte[] damaged(byte[] message, SplittableRandom random) {
        if (message.length == 0) {
            return noise(random);
        }
        byte[] out =
                random.nextBoolean()
                        ? message
                        : java.util.Arrays.copyOf(message, random.nextInt(message.length) + 1);
        for (int i = random.nextInt(4); i > 0; i--) {
            out[random.nextInt(out.length)] ^= (byte) (1 << random.nextInt(8));
        }
        return out;
    }

    private static Message message(Descriptor type, SplittableRandom random, int depth) {
        DynamicMessage.Builder out = DynamicMessage.newBuilder(type);
        for (FieldDescriptor field : type.getFields()) {
            boolean nested = field.getJavaType() == FieldDescriptor.JavaType.MESSAGE;
            if (random.nextInt(10) < 3 || (nested && depth > 5)) {
                continue;
            }
            if (field.isRepeated()) {
                for (int i = random.nextInt(nested ? 3 : 20); i > 0; i--) {
                    out.addRepeatedField(field, value(field, random, depth));
                }
            } else {
                out.setField(field, value(field, random, depth));
            }
        }
        return out.build();
    }

    private static Object value(FieldDescriptor field, SplittableRandom random, int depth) {
        return switch (field.getJavaType()) {
            case INT -> (int) number(random);
            case LONG -> number(random);
            case FLOAT -> (float) real(random);
            case DOUBLE -> real(random);
            case BOOLEAN -> random.nextBoolean();
            case STRING -> text(random);
            case BYTE_STRING -> com.google.protobuf.ByteString.copyFrom(noise(random));
            case ENUM ->
                    field.getEnumType()
                            .getValues()
                            .get(random.nextInt(field.getEnumType().getValues().size()));
            case MESSAGE -> message(field.getMessageType(), random, depth + 1);
        };
    }

    private static long number(SplittableRandom random) {
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> random.nextLong();
            case 3 -> Integer.MAX_VALUE;
            default -> random.nextInt(64);
        };
    }

    private static double real(SplittableRandom random) {
        return switch (random.nextInt(7)) {
            case 0 -> 0;
            case 1 -> Double.NaN;
            case 2 -> Double.POSITIVE_INFINITY;
            case 3 -> -random.nextDouble();
            case 4 -> Double.MAX_VALUE;
            default -> random.nextDouble() * 2;
        };
    }

    private static String text(SplittableRandom random) {
        return switch (random.nextInt(12)) {
            case 0 -> "";
            case 1 -> "../".repeat(random.nextInt(8)) + "etc/passwd";
            case 2 -> "file:///etc/";
            case 3 -> "http://127.0.0.1:1/";
            case 4 -> "\\boxed{" + "(".repeat(random.nextInt(3000)) + "}";
            case 5 -> "1" + "0".repeat(random.nextInt(2000)) + "^9999999";
            case 6 -> "\u0000\u202e\ud83e\udd16%s%n{}${x}";
            case 7 -> "math";
            case 8 -> "countdown";
            case 9 -> "load-test";
            default -> {
                StringBuilder out = new StringBuilder();
                for (int i = random.nextInt(40); i > 0; i--) {
                    out.append((char) ('!' + random.nextInt(90)));
                }
                yield out.toString();
            }
        };
    }
}
