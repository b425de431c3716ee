package dev.forkpoint.policy.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.Test;

class FloatFormatTest {

    @Test
    void everyHalfGoesToFloatAndBack() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            short half = (short) bits;
            float value = FloatFormat.halfToFloat(half);
            if (Float.isNaN(value)) {
                assertThat(FloatFormat.floatToHalf(value) & 0x7fff).isEqualTo(0x7e00);
            } else {
                assertThat(FloatFormat.floatToHalf(value)).isEqualTo(half);
            }
        }
    }

    /** A half-way value goes to the even neighbour, anything beyond it to the nearer one. */
    @Test
    void roundsToTheNearestHalfTiesToEven() {
        for (int bits = 0; bits < 0x7bff; bits++) {
            float low = FloatFormat.halfToFloat((short) bits);
            float high = FloatFormat.halfToFloat((short) (bits + 1));
            float middle = (low + high) / 2;
            assertThat(FloatFormat.floatToHalf(middle)).isEqualTo((short) (bits + (bits & 1)));
            assertThat(FloatFormat.floatToHalf(Math.nextUp(middle))).isEqualTo((short) (bits + 1));
            assertThat(FloatFormat.floatToHalf(Math.nextDown(middle))).isEqualTo((short) bits);
        }
        assertThat(FloatFormat.floatToHalf(1e9f)).isEqualTo((short) 0x7c00);
        assertThat(FloatFormat.floatToHalf(-65519f)).isEqualTo((short) 0xfbff);
    }

    @Test
    void everyBfloatGoesToFloatAndBackAndTiesGoToEven() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            ByteBuffer two =
                    ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort(0, (short) bits);
            float value = FloatFormat.BFLOAT16.toFloats(two)[0];
            if (!Float.isNaN(value)) {
                assertThat(bfloat(value)).isEqualTo((short) bits);
            }
        }
        assertThat(bfloat(Float.intBitsToFloat(0x3f808000))).isEqualTo((short) 0x3f80);
        assertThat(bfloat(Float.intBitsToFloat(0x3f818000))).isEqualTo((short) 0x3f82);
        assertThat(bfloat(Float.intBitsToFloat(0x3f808001))).isEqualTo((short) 0x3f81);
    }

    private static short bfloat(float value) {
        return FloatFormat.BFLOAT16
                .fromFloats(FloatBuffer.wrap(new float[] {value}))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getShort(0);
    }
}
