package dev.forkpoint.learner.data;

import dev.forkpoint.learner.peer.RewardClient;
import dev.forkpoint.proto.learner.v1.TaskData;
import dev.forkpoint.proto.reward.v1.GenerateProblemsRequest;
import dev.forkpoint.proto.reward.v1.Problem;
import dev.forkpoint.proto.reward.v1.Split;
import dev.forkpoint.proto.reward.v1.TaskInfo;
import dev.forkpoint.service.error.ServiceException;
import java.util.List;

/** Problems of one of reward-service's task families. */
public final class TaskSource implements PromptSource {

    private final RewardClient reward;
    private final TaskData task;
    private final long seed;
    private final TaskInfo info;

    /** Asks reward-service whether it has the family. */
    public TaskSource(RewardClient reward, TaskData task, long seed) {
        this.reward = reward;
        this.task = task;
        this.seed = seed;
        List<TaskInfo> families = reward.tasks().getTasksList();
        info =
                families.stream()
                        .filter(t -> t.getName().equals(task.getName()))
                        .findFirst()
                        .orElseThrow(
                                () ->
                                        ServiceException.invalidField(
                                                "task.name",
                                                '"' + task.getName() + '"',
                                                "one of "
                                                        + families.stream()
                                                                .map(TaskInfo::getName)
                                                                .toList()));
    }

    @Override
    public List<Problem> train(long start, int count) {
        return reward.problems(
                request(Split.SPLIT_TRAIN, seed).setStart(start).setCount(count).build());
    }

    @Override
    public List<Problem> heldOut(long heldOutSeed, int count) {
        return reward.problems(request(Split.SPLIT_HELD_OUT, heldOutSeed).setCount(count).build());
    }

    /** Problems to train on, each with a demonstration. */
    public List<Problem> demonstrations(long start, int count) {
        if (!info.getDemonstrations()) {
            throw ServiceException.invalidField(
                    "supervised.task.name",
                    '"' + task.getName() + '"',
                    "a task family with demonstrations");
        }
        return reward.problems(
                request(Split.SPLIT_TRAIN, seed)
                        .setStart(start)
                        .setCount(count)
                        .setDemonstrations(true)
                        .build());
    }

    private GenerateProblemsRequest.Builder request(Split split, long splitSeed) {
        return GenerateProblemsRequest.newBuilder()
                .setTask(task.getName())
                .setOptions(task.getOptions())
                .setSplit(split)
                .setSeed(splitSeed);
    }

    @Override
    public String defaultVerifier() {
        return info.getVerifier();
    }
}
