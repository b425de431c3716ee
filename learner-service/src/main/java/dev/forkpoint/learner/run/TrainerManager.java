package dev.forkpoint.learner.run;

import com.google.rpc.Code;
import dev.forkpoint.learner.objective.Objective;
import dev.forkpoint.learner.trainer.DjlTrainer;
import dev.forkpoint.proto.learner.v1.CreateTrainerRequest;
import dev.forkpoint.proto.learner.v1.LearningRateSchedule;
import dev.forkpoint.proto.learner.v1.OptimizerSpec;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.error.ServiceException.FieldViolation;
import dev.forkpoint.service.store.SnapshotSource;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** The trainers of external drivers. Thread-safe. */
@ApplicationScoped
public class TrainerManager {

    private static final int ANY_LENGTH = Integer.MAX_VALUE;

    private final LearnerConfig config;
    private final SnapshotSource snapshots;
    private final RunManager runs;
    private final Map<String, ExternalTrainer> trainers = new HashMap<>();
    private final Map<String, String> created = new HashMap<>();

    TrainerManager(LearnerConfig config, SnapshotSource snapshots, RunManager runs) {
        this.config = config;
        this.snapshots = snapshots;
        this.runs = runs;
    }

    /** Makes a trainer and returns its id; a repeated request id gives the same one. */
    public synchronized String create(CreateTrainerRequest request) {
        if (request.getRequestId().isEmpty()) {
            throw ServiceException.invalidField("request_id", "empty", "an id of the caller's");
        }
        String before = created.get(request.getRequestId());
        if (before != null) {
            return before;
        }
        if (runs.busy()) {
            throw new ServiceException(
                    Code.RESOURCE_EXHAUSTED, "RUN_ACTIVE", "a run is active; stop it first");
        }
        if (trainers.size() >= config.maxTrainers()) {
            throw new ServiceException(
                    Code.RESOURCE_EXHAUSTED,
                    "TOO_MANY_TRAINERS",
                    "trainers: " + trainers.size() + " (at most " + config.maxTrainers() + ")");
        }
        double temperature = request.hasTemperature() ? request.getTemperature() : 1;
        if (!(temperature > 0 && temperature <= 100)) {
            throw ServiceException.invalidField("temperature", temperature, "above 0, at most 100");
        }
        String id = "trainer-" + UUID.randomUUID();
        OptimizerSpec optimizer = optimizer(request.getOptimizer());
        Objective objective = request.hasObjective() ? objective(request, id.hashCode()) : null;
        Path base = snapshots.fetch("policy", request.getPolicy(), "");
        DjlTrainer trainer =
                RunSetup.trainer(
                        "policy",
                        base,
                        request.getTrainer(),
                        request.hasLora() ? Optional.of(request.getLora()) : Optional.empty(),
                        id.hashCode());
        trainers.put(
                id,
                new ExternalTrainer(
                        id,
                        config.runRoot().toAbsolutePath().resolve("trainers").resolve(id),
                        trainer,
                        request.hasLora() ? request.getPolicy() : "",
                        optimizer,
                        objective,
                        temperature));
        created.put(request.getRequestId(), id);
        return id;
    }

    private static OptimizerSpec optimizer(OptimizerSpec given) {
        OptimizerSpec optimizer = RunSpecs.optimizer(given);
        List<FieldViolation> problems = RunSpecs.problems(optimizer);
        if (!problems.isEmpty()) {
            throw ServiceException.invalidFields("INVALID_FIELD", problems);
        }
        if (optimizer.getSchedule() != LearningRateSchedule.LEARNING_RATE_SCHEDULE_CONSTANT) {
            throw ServiceException.invalidField(
                    "optimizer.schedule",
                    optimizer.getSchedule(),
                    "CONSTANT: how many updates a driver will make is not known");
        }
        return optimizer;
    }

    private static Objective objective(CreateTrainerRequest request, long seed) {
        try {
            return ObjectiveFactory.objective(request.getObjective(), ANY_LENGTH, seed);
        } catch (ObjectiveFactory.InvalidObjectiveException e) {
            throw ServiceException.invalidFields(
                    "INVALID_FIELD",
                    e.problems().stream()
                            .map(p -> new FieldViolation(p.field(), p.message()))
                            .toList());
        }
    }

    /** The trainer of that id. */
    public synchronized ExternalTrainer get(String id) {
        ExternalTrainer trainer = trainers.get(id);
        if (trainer == null) {
            throw new ServiceException(
                    Code.NOT_FOUND, "UNKNOWN_TRAINER", "trainer_id: \"" + id + "\"");
        }
        return trainer;
    }

    /** Frees a trainer; an unknown one is fine. */
    public void closeTrainer(String id) {
        ExternalTrainer trainer;
        synchronized (this) {
            trainer = trainers.remove(id);
            created.values().remove(id);
        }
        if (trainer != null) {
            trainer.close();
        }
    }

    @PreDestroy
    synchronized void close() {
        trainers.values().forEach(ExternalTrainer::close);
        trainers.clear();
    }
}
