package dev.forkpoint.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.forkpoint.policy.sampling.Seeds;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SampleSeedsTest {

    @Test
    void equalThoseThatRunsUse() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 1000; i++) {
            long seed = random.nextLong();
            long row = random.nextInt(1 << 20);
            long sample = random.nextInt(64);
            assertThat(SampleSeeds.derive(seed, row, sample))
                    .as("seed %d row %d sample %d", seed, row, sample)
                    .isEqualTo(Seeds.derive(seed, row, sample));
        }
    }
}
