package dev.forkpoint.triton;

import dev.forkpoint.triton.RolloutRequest.Chunks;
import java.nio.file.Path;

/**
 * A process of its own for {@link TritonProcessTest}. Arguments: a directory to work in, and what
 * to do.
 */
public final class TritonChild {

    private TritonChild() {}

    public static void main(String[] args) {
        Path directory = Path.of(args[0]);
        TritonServer server =
                TritonServer.start(
                        new TritonServer.Options(
                                directory.resolve("models"), TritonRuntime.load(), 0));
        server.register("toy", ToyEngine::open);
        TritonPolicy policy = new TritonPolicy(server, "policy", "toy");
        policy.load(
                new PolicySpec(
                        1,
                        ToyEngine.write(directory.resolve("toy"), "weights=1\nstep_micros=100\n")));
        Gathered got = new Gathered();
        policy.generate(
                RolloutRequest.of("r", new int[] {1, 2}, 3, 20).withChunks(new Chunks(4, 0)), got);
        System.out.println("tokens " + got.await().ids);
        Gathered cancelled = new Gathered();
        RolloutHandle handle = policy.generate(endless(1), cancelled).handle();
        cancelled.awaitTokens(3);
        handle.cancel();
        System.out.println("cancelled " + cancelled.await().reason);
        switch (args[1]) {
            case "close" -> {
                server.close();
                System.out.println("closed");
            }
            case "exit" -> {
                run(policy, 8);
                System.exit(7);
            }
            case "stay" -> {
                run(policy, 8);
                System.out.println("running");
                try {
                    Thread.sleep(120_000);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            default -> throw new IllegalArgumentException(args[1]);
        }
    }

    private static RolloutRequest endless(int prompt) {
        return new RolloutRequest(
                "r",
                new int[] {prompt},
                1,
                RolloutRequest.Sampling.PLAIN,
                90_000,
                new int[0],
                true,
                new Chunks(1, 0),
                0,
                0);
    }

    private static void run(TritonPolicy policy, int streams) {
        for (int i = 0; i < streams; i++) {
            Gathered got = new Gathered();
            policy.generate(endless(i), got);
            got.awaitTokens(2);
        }
    }
}
