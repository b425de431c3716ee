package dev.forkpoint.service.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RetryBudgetTest {

    private final AtomicLong now = new AtomicLong();
    private final RetryBudget budget = new RetryBudget(5, now::get);

    private int takeAll() {
        int taken = 0;
        while (budget.tryTake()) {
            taken++;
        }
        return taken;
    }

    @Test
    void startsFullAndThenRefillsByTimeAndByAnswers() {
        assertThat(takeAll()).isEqualTo(5);
        now.addAndGet(TimeUnit.MILLISECONDS.toNanos(250));
        assertThat(takeAll()).isEqualTo(2);
        for (int i = 0; i < 10; i++) {
            budget.answered();
        }
        assertThat(budget.available()).isCloseTo(1.5, within(1e-9));
        assertThat(takeAll()).isEqualTo(1);
    }

    @Test
    void neverHoldsMoreThanItsCapacity() {
        now.addAndGet(TimeUnit.HOURS.toNanos(1));
        budget.answered();
        assertThat(takeAll()).isEqualTo(5);
    }
}
