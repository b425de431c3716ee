package dev.forkpoint.load;

import com.google.protobuf.Message;
import io.grpc.Channel;
import io.grpc.Status;
import java.util.List;
import java.util.Optional;

/** What load on one service consists of: requests with ids, answered in any order. */
public interface Workload {

    /** How large a request is. */
    enum Size {
        /** The smallest that the service takes. */
        TINY,
        /** As in training. */
        USUAL,
        /** Close to the limit of a message. */
        HUGE,
        /** Beyond the limit of a message. */
        BEYOND
    }

    /** Told of every final answer, from any thread. */
    interface Listener {
        /**
         * @param failure absent when the request was served
         */
        void answered(String id, Optional<Status> failure);

        /** The session broke; requests without an answer get none. */
        void broken(Status status);
    }

    /** One stream of requests. Not thread-safe. */
    interface Session {
        void send(String id, long number, Size size);

        /** Asks the service to forget a request; does nothing where it cannot. */
        void cancel(String id);

        /** Whether what was sent has gone out, so that more does not pile up here. */
        boolean isReady();

        /**
         * Lets {@code count} more answers in, or those of all calls so far; only of a session that
         * was opened held.
         */
        void read(int count);

        /** Nothing more will be sent; answers still come. */
        void halfClose();

        /** Breaks off at once. */
        void abort();
    }

    /** {@code rollout}, {@code entropy}, {@code reward} or {@code learner}. */
    String service();

    /** Brings the service into the state that requests need. May block. */
    void prepare(Channel channel);

    /**
     * @param held true: no answer comes in before {@link Session#read}
     */
    Session open(Channel channel, Listener listener, boolean held);

    /** Requests that the service takes, for a fuzzer to change. */
    List<Message> examples();
}
