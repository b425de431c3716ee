package dev.forkpoint.learner.run;

import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.proto.learner.v1.ObjectiveSpec;

final class ObjectiveFactory {
    private ObjectiveFactory() {}

    static Objective objective(ObjectiveSpec spec) {
        return Objective.defaults();
    }
}
