package dev.forkpoint.triton;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;

class NativeMessageTest {

    @Test
    void aMessageComesBackAsItWasPacked() {
        NativeMessage message =
                new NativeMessage(
                        "rollout-\uD83C\uDF74",
                        Long.MAX_VALUE,
                        List.of(
                                Tensor.ints("prompt_ids", 1, 2, 3), // 12 bytes: filled up
                                Tensor.ints("seven__"), // with its closing 0 eight bytes
                                Tensor.longs("eight___", Long.MIN_VALUE),
                                Tensor.bool("flag", true),
                                new Tensor(
                                        "logits",
                                        Tensor.Type.FP32,
                                        new long[] {2, 0, 3},
                                        ByteBuffer.allocate(0))));
        byte[] packed = message.pack();

        NativeMessage back = NativeMessage.unpack(packed);

        assertThat(packed.length % Long.BYTES).isZero();
        assertThat(back.id()).isEqualTo(message.id());
        assertThat(back.timeoutMicros()).isEqualTo(Long.MAX_VALUE);
        assertThat(back.tensors()).hasSameSizeAs(message.tensors());
        for (int i = 0; i < back.tensors().size(); i++) {
            Tensor sent = message.tensors().get(i);
            Tensor read = back.tensors().get(i);
            assertThat(read.name()).isEqualTo(sent.name());
            assertThat(read.type()).isEqualTo(sent.type());
            assertThat(read.shape()).isEqualTo(sent.shape());
            assertThat(read.data().duplicate().rewind())
                    .isEqualTo(sent.data().duplicate().rewind());
        }
        assertThat(back.tensors().get(2).asLongs()).containsExactly(Long.MIN_VALUE);
    }

    @Test
    void dataBeginWhereEightBytesDo() {
        byte[] packed =
                new NativeMessage("id", 0, List.of(Tensor.longs("n", 0x1122334455667788L))).pack();

        ByteBuffer in = ByteBuffer.wrap(packed).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(in.getLong(packed.length - Long.BYTES)).isEqualTo(0x1122334455667788L);
        assertThat(in.getLong(packed.length - 2 * Long.BYTES)).isEqualTo('n');
    }
}
