package dev.forkpoint.cli.command;

import dev.forkpoint.cli.ExitCode;
import dev.forkpoint.cli.FailureException;
import dev.forkpoint.cli.UsageException;
import dev.forkpoint.cli.local.Backend;
import dev.forkpoint.cli.local.LocalSettings;
import dev.forkpoint.cli.local.Service;
import dev.forkpoint.cli.output.JsonLines;
import dev.forkpoint.cli.output.RunView;
import dev.forkpoint.cli.output.Table;
import dev.forkpoint.cli.recipe.Recipe;
import dev.forkpoint.cli.recipe.SpecPaths;
import dev.forkpoint.cli.study.Study;
import dev.forkpoint.cli.study.StudyReport;
import dev.forkpoint.cli.study.StudyResult;
import dev.forkpoint.cli.study.StudyRun;
import dev.forkpoint.proto.learner.v1.ResumeRunRequest;
import dev.forkpoint.proto.learner.v1.Run;
import dev.forkpoint.proto.learner.v1.RunSpec;
import dev.forkpoint.proto.learner.v1.StartRunRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/**
 * {@code forkpoint ablate}: variations of a recipe, several seeds each, and what they say together.
 */
@Command(
        name = "ablate",
        description = {
            "Runs the variations of a study with several seeds each, one run after another or one on"
                    + " each set of services, and compares them.",
            "The same command goes on where it was stopped: finished runs are kept. Bundled"
                    + " studies: controls, rho-sweep, normaliser, entropy-source, objectives."
        })
final class AblateCommand implements Callable<Integer> {

    @ParentCommand
    @SuppressWarnings("NullAway.Init")
    private Forkpoint forkpoint;

    @Parameters(paramLabel = "STUDY", description = "Name of a bundled study, or a study file")
    @SuppressWarnings("NullAway.Init")
    private String name;

    @Option(
            names = "--seeds",
            paramLabel = "N",
            description = "Seeds 1 to N for every variation. Default: the study's")
    private @Nullable Integer seeds;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Steps of every run. Default: the recipe's")
    private @Nullable Integer steps;

    @Option(
            names = "--only",
            paramLabel = "NAME,...",
            split = ",",
            description = "These variations alone, and the baseline")
    private List<String> only = new ArrayList<>();

    @Option(
            names = "--set",
            paramLabel = "PATH=VALUE",
            description = "Changes the recipe of every run; may be given again")
    private List<String> assignments = new ArrayList<>();

    @Option(
            names = "--study-dir",
            paramLabel = "DIR",
            description = "Where the runs and the report go. Default: runs/study-NAME")
    private @Nullable Path directory;

    @Option(names = "--dry-run", description = "Checks every run's recipe, and lists the runs")
    private boolean dryRun;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "Rollout engine: triton, direct or remote. Default: the service's own")
    private @Nullable String engine;

    @Option(
            names = "--address",
            paramLabel = "FILE|learner=HOST:PORT",
            description = {
                "Use a running set of services: the ready file of serve, or its learner-service. Given again, each set takes runs at the same time",
                "Default: starts what it needs, and stops it at the end"
            })
    private List<String> addresses = new ArrayList<>();

    @Option(
            names = "--parallel",
            paramLabel = "N",
            description = "Sets of local services, each taking runs at the same time. Default: 1")
    private @Nullable Integer parallel;

    @Option(names = "--json", description = "JSON Lines on standard output, and nothing else there")
    private boolean json;

    /**
     * A run that the study wants.
     *
     * @param spec with absolute paths
     */
    private record Wanted(String variation, int seed, RunSpec spec, Path directory) {

        String label() {
            return variation + ", seed " + seed;
        }

        /** The specification that the directory was begun with. */
        Path recipe() {
            return directory.resolveSibling(directory.getFileName() + ".yaml");
        }
    }

    @Override
    public Integer call() throws InterruptedException {
        rejectWithAddress("--engine", engine);
        rejectWithAddress("--parallel", parallel);
        if (parallel != null) {
            SamplingOptions.require(
                    parallel >= 1 && parallel <= 64, "--parallel", parallel, "1 to 64");
        }
        if (seeds != null) {
            SamplingOptions.require(seeds >= 1 && seeds <= 1000, "--seeds", seeds, "1 to 1000");
        }
        if (steps != null) {
            SamplingOptions.require(steps >= 1, "--steps", steps, "1 or more");
        }
        Path file = file();
        Study study = Study.read(file);
        if (!only.isEmpty()) {
            study = study.only(only);
        }
        if (seeds != null) {
            study =
                    new Study(
                            study.name(),
                            study.description(),
                            study.recipe(),
                            study.set(),
                            seeds,
                            study.baseline(),
                            study.variations(),
                            study.hypotheses());
        }
        Path root =
                (directory == null ? Path.of("runs", "study-" + study.name()) : directory)
                        .toAbsolutePath()
                        .normalize();
        LocalSettings local = new LocalSettings(Service.values()).engine(engine).runRoot(root);
        List<Wanted> wanted = wanted(study, file, root, local);
        if (dryRun) {
            wanted.forEach(
                    w -> forkpoint.console().out().printf("%s: %s%n", w.label(), w.directory));
            return ExitCode.DONE;
        }
        wanted.forEach(AblateCommand::requireSame);
        int code = run(study, wanted, root, local);
        if (code == ExitCode.DONE) {
            print(write(study, wanted, root), root);
        }
        return code;
    }

    private void rejectWithAddress(String option, @Nullable Object value) {
        if (!addresses.isEmpty() && value != null) {
            throw new UsageException(
                    option
                            + " says how local services start; running ones (--address) have started");
        }
    }

    private Path file() {
        if (name.matches("[A-Za-z0-9_-]+")) {
            Path bundled = forkpoint.installation().root().resolve("studies/" + name + ".yaml");
            if (Files.exists(bundled)) {
                return bundled;
            }
        }
        Path file = Path.of(name).toAbsolutePath();
        if (!Files.exists(file)) {
            throw new UsageException(
                    "no study %s (bundled: %s; or the path of a study file)"
                            .formatted(name, String.join(", ", bundled())));
        }
        return file;
    }

    private List<String> bundled() {
        try (Stream<Path> all = Files.list(forkpoint.installation().root().resolve("studies"))) {
            return all.map(p -> p.getFileName().toString().replace(".yaml", "")).sorted().toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    /** Seed by seed, so that a study that is stopped early has every variation. */
    private List<Wanted> wanted(Study study, Path file, Path root, LocalSettings local) {
        Path recipe = forkpoint.installation().recipe(study.recipe());
        if (!Files.exists(recipe)) {
            recipe = Objects.requireNonNull(file.getParent()).resolve(study.recipe());
        }
        List<Path> bases =
                List.of(
                        Path.of("").toAbsolutePath(),
                        Objects.requireNonNullElse(
                                recipe.toAbsolutePath().getParent(), Path.of("/")),
                        forkpoint.installation().root());
        List<Wanted> wanted = new ArrayList<>();
        for (int seed = 1; seed <= study.seeds(); seed++) {
            for (var variation : study.variations().entrySet()) {
                List<String> all = new ArrayList<>(study.set());
                all.addAll(variation.getValue());
                if (steps != null) {
                    all.add("reinforcement.steps=" + steps);
                    all.add("reinforcement.max_seconds=0");
                }
                all.addAll(assignments);
                RunSpec spec;
                try {
                    spec = Recipe.load(recipe, all);
                } catch (UsageException e) {
                    throw new UsageException(
                            "%s: variation %s: %s"
                                    .formatted(file, variation.getKey(), e.getMessage()),
                            e);
                }
                if (!spec.hasEvaluation()) {
                    throw new UsageException(
                            recipe
                                    + ": no evaluation (expected: one, since runs are compared by"
                                    + " it)");
                }
                spec =
                        spec.toBuilder()
                                .setName(study.name() + "." + variation.getKey())
                                .setSeed(seed)
                                .build();
                if (addresses.isEmpty()) {
                    SpecPaths.Resolved resolved = SpecPaths.resolve(spec, bases);
                    spec = resolved.spec();
                    resolved.folders().forEach(local::allow);
                }
                wanted.add(
                        new Wanted(
                                variation.getKey(),
                                seed,
                                spec,
                                root.resolve(variation.getKey()).resolve("seed-" + seed)));
            }
        }
        return wanted;
    }

    /**
     * A directory belongs to one specification; another one must not take its results for its own.
     */
    private static void requireSame(Wanted w) {
        try {
            if (Files.exists(w.recipe())
                    && !Files.readString(w.recipe()).equals(Recipe.write(w.spec))) {
                throw new UsageException(
                        "%s was begun by another recipe (%s); choose another --study-dir"
                                .formatted(w.directory, w.recipe()));
            }
        } catch (IOException e) {
            throw new FailureException("cannot read " + w.recipe() + ": " + e.getMessage(), e);
        }
    }

    private int run(Study study, List<Wanted> wanted, Path root, LocalSettings local)
            throws InterruptedException {
        Queue<Wanted> open =
                new ConcurrentLinkedQueue<>(wanted.stream().filter(w -> !finished(w)).toList());
        if (open.isEmpty()) {
            return ExitCode.DONE;
        }
        try {
            Files.createDirectories(root);
        } catch (IOException e) {
            throw new UsageException(
                    "--study-dir: cannot write " + root + ": " + e.getMessage(), e);
        }
        List<Backend> sets = new ArrayList<>();
        try {
            open(sets, Math.min(open.size(), sets()), root, local);
            AtomicInteger begun = new AtomicInteger(wanted.size() - open.size());
            int code =
                    inParallel(
                            sets,
                            backend -> {
                                for (Wanted w = open.poll(); w != null; w = open.poll()) {
                                    forkpoint
                                            .console()
                                            .note(
                                                    "run %d of %d: %s"
                                                            .formatted(
                                                                    begun.incrementAndGet(),
                                                                    wanted.size(),
                                                                    w.label()));
                                    int ended = run(w, backend, sets.size() > 1);
                                    write(study, wanted, root);
                                    if (ended != ExitCode.DONE) {
                                        open.clear();
                                        return ended;
                                    }
                                }
                                return ExitCode.DONE;
                            });
            if (code != ExitCode.DONE) {
                forkpoint
                        .console()
                        .note(
                                "The study goes on with the same command:\n  "
                                        + command(study, root));
            } else {
                sets.forEach(Backend::deleteLogsAtClose);
            }
            return code;
        } finally {
            sets.forEach(Backend::close);
        }
    }

    private int sets() {
        return addresses.isEmpty() ? Objects.requireNonNullElse(parallel, 1) : addresses.size();
    }

    private void open(List<Backend> sets, int count, Path root, LocalSettings local)
            throws InterruptedException {
        Service[] needed = addresses.isEmpty() ? Service.values() : new Service[] {Service.LEARNER};
        for (int i = 0; i < count; i++) {
            Backend backend =
                    forkpoint.open(addresses.isEmpty() ? null : addresses.get(i), local, needed);
            sets.add(backend);
            backend.moveLogs(root.resolve(count == 1 ? "logs" : "logs/set-" + (i + 1)));
        }
    }

    /** What one set of services does; interrupted, it saves its run and returns. */
    private interface Work {
        int on(Backend backend) throws InterruptedException;
    }

    /** Has every set work until all end; returns the first exit code that isn't {@code DONE}. */
    private static int inParallel(List<Backend> sets, Work work) throws InterruptedException {
        if (sets.size() == 1) {
            return work.on(sets.get(0));
        }
        ExecutorService threads = Executors.newFixedThreadPool(sets.size());
        CompletionService<Integer> ends = new ExecutorCompletionService<>(threads);
        try {
            sets.forEach(set -> ends.submit(() -> work.on(set)));
            int code = ExitCode.DONE;
            for (int i = 0; i < sets.size() && code == ExitCode.DONE; i++) {
                code = ends.take().get();
            }
            return code;
        } catch (InterruptedException e) {
            return ExitCode.INTERRUPTED;
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r
                    ? r
                    : new IllegalStateException(e.getCause());
        } finally {
            threads.shutdownNow(); // a run that still goes on is saved, and the study resumes it
            while (!threads.awaitTermination(1, TimeUnit.MINUTES)) {
                // each run's stop has a deadline of its own
            }
        }
    }

    private int run(Wanted w, Backend backend, boolean amongOthers) throws InterruptedException {
        Instant now = Instant.now();
        boolean resumed = Files.exists(w.directory.resolve("spec.pb"));
        Run run = begin(backend, w, resumed);
        RunView view =
                amongOthers && !json
                        ? RunView.brief(forkpoint.console(), w.label())
                        : RunView.of(forkpoint.console(), json);
        int code = new RunFollower(forkpoint, backend, view).follow(run, resumed ? now : null);
        if (code == ExitCode.DONE && !finished(w)) {
            throw new FailureException(
                    w.directory
                            + ": the run ended without a summary.json that this command can read");
        }
        return code;
    }

    private static boolean finished(Wanted w) {
        return StudyRun.read(w.directory, w.variation, w.seed).isPresent();
    }

    private static Run begin(Backend backend, Wanted w, boolean resumed) {
        if (resumed) {
            return Training.runs(backend)
                    .resumeRun(
                            ResumeRunRequest.newBuilder()
                                    .setRunDirectory(w.directory.toString())
                                    .build())
                    .getRun();
        }
        try {
            // A process killed before spec.pb was written leaves folders, and nothing to go on
            // with.
            if (Files.exists(w.directory)) {
                Files.move(
                        w.directory,
                        w.directory.resolveSibling(
                                w.directory.getFileName() + ".half-" + System.currentTimeMillis()));
            }
            Files.createDirectories(w.directory.getParent());
            replace(w.recipe(), Recipe.write(w.spec));
        } catch (IOException e) {
            throw new FailureException("cannot write " + w.directory + ": " + e.getMessage(), e);
        }
        return Training.runs(backend)
                .startRun(
                        StartRunRequest.newBuilder()
                                .setSpec(w.spec)
                                .setRunDirectory(w.directory.toString())
                                .build())
                .getRun();
    }

    private static void replace(Path file, String text) throws IOException {
        Path part = file.resolveSibling("." + file.getFileName() + ".part");
        Files.writeString(part, text);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Writes what is finished so far. */
    private synchronized StudyResult write(Study study, List<Wanted> wanted, Path root) {
        List<StudyRun> runs = new ArrayList<>();
        for (Wanted w : wanted) {
            StudyRun.read(w.directory, w.variation, w.seed).ifPresent(runs::add);
        }
        StudyResult result = StudyResult.of(study, StudyReport.grouped(study, runs));
        try {
            String command = command(study, root);
            replace(root.resolve("report.html"), StudyReport.html(result, command));
            replace(
                    root.resolve("study.json"),
                    StudyReport.json(result, command).toPrettyString() + "\n");
        } catch (IOException e) {
            throw new FailureException("cannot write " + root + ": " + e.getMessage(), e);
        }
        return result;
    }

    private String command(Study study, Path root) {
        StringBuilder out = new StringBuilder("forkpoint ablate " + Shell.quote(name));
        out.append(" --seeds ").append(study.seeds());
        if (steps != null) {
            out.append(" --steps ").append(steps);
        }
        if (!only.isEmpty()) {
            out.append(" --only ").append(Shell.quote(String.join(",", only)));
        }
        assignments.forEach(a -> out.append(" --set ").append(Shell.quote(a)));
        if (engine != null) {
            out.append(" --engine ").append(engine);
        }
        return out.append(" --study-dir ").append(Shell.quote(root.toString())).toString();
    }

    private void print(StudyResult result, Path root) {
        if (json) {
            new JsonLines(forkpoint.console().out())
                    .write(StudyReport.json(result, command(result.study(), root)));
            return;
        }
        Table table = new Table(StudyReport.HEAD.toArray(String[]::new));
        StudyReport.table(result).forEach(row -> table.row(row.toArray(String[]::new)));
        forkpoint.console().out().print(table);
        result.verdicts().forEach(v -> forkpoint.console().out().println(v.sentence()));
        forkpoint.console().out().println(result.limits());
        forkpoint.console().out().println("report  " + root.resolve("report.html"));
    }
}
