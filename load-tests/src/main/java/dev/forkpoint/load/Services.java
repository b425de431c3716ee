package dev.forkpoint.load;

import dev.forkpoint.proto.entropy.v1.AnalysisServiceGrpc;
import dev.forkpoint.proto.entropy.v1.EntropyServiceGrpc;
import dev.forkpoint.proto.learner.v1.LearnerServiceGrpc;
import dev.forkpoint.proto.learner.v1.RunServiceGrpc;
import dev.forkpoint.proto.reward.v1.RewardServiceGrpc;
import dev.forkpoint.proto.rollout.v1.RolloutServiceGrpc;
import io.grpc.ServiceDescriptor;
import java.util.List;

/** Which gRPC services each process offers. */
public final class Services {

    private Services() {}

    /**
     * @param name {@code rollout}, {@code entropy}, {@code reward} or {@code learner}
     */
    public static List<ServiceDescriptor> of(String name) {
        return switch (name) {
            case "rollout" -> List.of(RolloutServiceGrpc.getServiceDescriptor());
            case "entropy" ->
                    List.of(
                            EntropyServiceGrpc.getServiceDescriptor(),
                            AnalysisServiceGrpc.getServiceDescriptor());
            case "reward" -> List.of(RewardServiceGrpc.getServiceDescriptor());
            case "learner" ->
                    List.of(
                            RunServiceGrpc.getServiceDescriptor(),
                            LearnerServiceGrpc.getServiceDescriptor());
            default ->
                    throw new IllegalArgumentException(
                            "service: "
                                    + name
                                    + " (expected: rollout, entropy, reward or learner)");
        };
    }
}
