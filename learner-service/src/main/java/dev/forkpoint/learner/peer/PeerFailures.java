package dev.forkpoint.learner.peer;

import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.forkpoint.service.error.ServiceException;

/** What a peer said of one request, as an exception that names the peer. */
final class PeerFailures {

    private PeerFailures() {}

    static ServiceException of(String service, Status status) {
        Code code = Code.forNumber(status.getCode());
        return new ServiceException(
                code == null ? Code.UNKNOWN : code,
                "PEER_FAILED",
                service + "-service: " + status.getMessage());
    }
}
