package dev.forkpoint.policy.tokenizer;

/**
 * Lends a thread this library's class loader: what libraries look up through the thread's own may,
 * in an application server, not be visible there.
 */
final class OwnClassLoader {

    /** Work that may fail with one kind of exception. */
    @FunctionalInterface
    interface Work<T, E extends Exception> {
        T run() throws E;
    }

    private OwnClassLoader() {}

    static <T, E extends Exception> T with(Work<T, E> work) throws E {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(OwnClassLoader.class.getClassLoader());
        try {
            return work.run();
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
