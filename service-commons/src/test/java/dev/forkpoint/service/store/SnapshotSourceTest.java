package dev.forkpoint.service.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.rpc.Code;
import com.sun.net.httpserver.HttpServer;
import dev.forkpoint.proto.policy.v1.PolicySnapshot;
import dev.forkpoint.service.error.ServiceException;
import dev.forkpoint.service.security.PeerSecurity;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
class SnapshotSourceTest {

    @TempDir Path folder;
    private Path allowed;
    private Path cache;
    private HttpServer server;
    private final CountDownLatch release = new CountDownLatch(1);

    @BeforeEach
    void prepare() throws IOException {
        allowed = Files.createDirectories(folder.resolve("allowed"));
        cache = folder.resolve("cache");
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext(
                "/",
                exchange -> {
                    String path = exchange.getRequestURI().getPath();
                    Path file = folder.resolve("served" + path);
                    if (path.contains("silent")) {
                        await();
                    }
                    if (path.contains("moved")) {
                        exchange.getResponseHeaders().add("Location", "/run/0/");
                        exchange.sendResponseHeaders(302, -1);
                    } else if (!Files.isRegularFile(file)) {
                        exchange.sendResponseHeaders(404, -1);
                    } else {
                        byte[] body = Files.readAllBytes(file);
                        exchange.sendResponseHeaders(200, body.length);
                        int sent = path.contains("stalls") ? body.length / 2 : body.length;
                        exchange.getResponseBody().write(body, 0, sent);
                        exchange.getResponseBody().flush();
                        if (sent < body.length) {
                            await();
                        }
                    }
                    exchange.close();
                });
        server.start();
    }

    private void await() {
        try {
            release.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @AfterEach
    void stop() {
        release.countDown();
        server.stop(0);
    }

    private SnapshotSource source(int keep, String... uris) {
        return source(Duration.ofMinutes(2), keep, uris);
    }

    private SnapshotSource source(Duration fileLimit, int keep, String... uris) {
        return new SnapshotSource(
                Optional.of(List.of(uris)),
                Optional.of(cache),
                keep,
                fileLimit,
                Optional.empty(),
                PeerSecurity.none());
    }

    private SnapshotSource source() {
        return source(4, allowed.toUri().toString(), http("/run/"));
    }

    private String http(String path) {
        return "http://127.0.0.1:" + server.getAddress().getPort() + path;
    }

    private static ServiceException failure(SnapshotSource source, String uri, String hash) {
        return catchThrowableOfType(
                ServiceException.class, () -> source.fetch("policy.uri", uri, hash));
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** A snapshot of one file; the hash of its manifest. */
    private static String snapshot(Path at, String file, byte[] content) throws Exception {
        Files.createDirectories(at);
        Files.write(at.resolve(file), content);
        byte[] manifest =
                ("{\"files\":{\"%s\":{\"sha256\":\"%s\"}}}")
                        .formatted(file, sha256(content))
                        .getBytes(java.nio.charset.StandardCharsets.UTF_8);
        Files.write(at.resolve("forkpoint_manifest.json"), manifest);
        return sha256(manifest);
    }

    @Test
    void findsAnAdapterWithItsBaseAndNamesTheFieldOfTheBase() throws Exception {
        Path base = Files.createDirectories(allowed.resolve("base"));
        Path own = Files.createDirectories(allowed.resolve("run/1"));
        PolicySnapshot.Builder adapter =
                PolicySnapshot.newBuilder()
                        .setPolicyId("run")
                        .setVersion(1)
                        .setUri(own.toUri().toString())
                        .setBaseUri(base.toUri().toString());
        assertThat(source().fetch(adapter.build()))
                .isEqualTo(new PolicyFiles(base.toRealPath(), Optional.of(own.toRealPath())));
        assertThat(source().fetch(adapter.clearBaseUri().build()))
                .isEqualTo(PolicyFiles.of(own.toRealPath()));
        adapter.setBaseUri("file:/etc/");
        assertThatThrownBy(() -> source().fetch(adapter.build()))
                .hasMessageStartingWith("policy.base_uri: file:/etc/ is not under");
    }

    @Test
    void readsAFolderUnderTheAllowListWithItsManifest() throws Exception {
        Path at = allowed.resolve("run/0");
        String hash = snapshot(at, "model.safetensors", new byte[100]);
        assertThat(
                        source().fetch(
                                        PolicySnapshot.newBuilder()
                                                .setPolicyId("run")
                                                .setUri(at.toUri().toString())
                                                .setManifestSha256(hash)
                                                .build()))
                .isEqualTo(PolicyFiles.of(at.toRealPath()));
        ServiceException wrong = failure(source(), at.toUri().toString(), "0".repeat(64));
        assertThat(wrong.code()).isEqualTo(Code.FAILED_PRECONDITION);
        assertThat(wrong).hasMessageContaining(hash).hasMessageContaining("0".repeat(64));
    }

    @Test
    void refusesWhatLiesOutsideHoweverItIsWritten() throws Exception {
        Path outside = Files.createDirectories(folder.resolve("outside"));
        Path beside = Files.createDirectories(folder.resolve("allowed-not"));
        Path link = Files.createSymbolicLink(allowed.resolve("link"), outside);
        for (String uri :
                List.of(
                        outside.toUri().toString(),
                        beside.toUri().toString(),
                        link.toUri().toString(),
                        allowed.toUri() + "../outside/",
                        allowed.toUri() + "%2e%2e/outside/",
                        allowed.toUri() + "x/../../outside",
                        "file:///etc",
                        folder.resolve("there-is-none").toUri().toString())) {
            ServiceException e = failure(source(), uri, "");
            assertThat(e.code()).as(uri).isEqualTo(Code.PERMISSION_DENIED);
            assertThat(e.reason()).isEqualTo("URI_NOT_ALLOWED");
        }
    }

    @Test
    void allowsALinkThatLeadsToWhatIsAllowed() throws Exception {
        Path real = Files.createDirectories(allowed.resolve("real"));
        Path link = Files.createSymbolicLink(folder.resolve("elsewhere"), real);
        assertThat(source().fetch("policy.uri", link.toUri().toString(), ""))
                .isEqualTo(real.toRealPath());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "no uri",
                "relative/path",
                "ftp://host/x",
                "s3://bucket/x",
                "file:relative",
                "file://host/share",
                "data:,x"
            })
    void refusesWhatIsNoUriOfASnapshot(String uri) {
        assertThat(failure(source(), uri, "").code())
                .isIn(Code.INVALID_ARGUMENT, Code.PERMISSION_DENIED);
    }

    @Test
    void withoutAnAllowListNothingIsRead() {
        SnapshotSource none =
                new SnapshotSource(
                        Optional.empty(),
                        Optional.of(cache),
                        4,
                        Optional.empty(),
                        PeerSecurity.none());
        assertThat(failure(none, allowed.toUri().toString(), "").code())
                .isEqualTo(Code.PERMISSION_DENIED);
    }

    @Test
    void namesAnEntryOfTheAllowListThatIsNone() {
        assertThatThrownBy(() -> source(4, "/plain/path"))
                .hasMessageContaining("forkpoint.policy.allowed-uris: \"/plain/path\"");
    }

    @Test
    void refusesNamesOfPoliciesThatArePaths() {
        assertThatThrownBy(
                        () ->
                                source().fetch(
                                                PolicySnapshot.newBuilder()
                                                        .setPolicyId("../run")
                                                        .build()))
                .hasMessageContaining("policy.policy_id");
    }

    @Test
    void downloadsChecksAndCaches() throws Exception {
        byte[] weights = new byte[300_000];
        weights[7] = 1;
        Path served = folder.resolve("served/run/0");
        String hash = snapshot(served, "model.safetensors", weights);
        Path got = source().fetch("policy.uri", http("/run/0/"), hash);
        assertThat(got.resolve("model.safetensors")).hasBinaryContent(weights);
        Files.delete(served.resolve("model.safetensors"));
        assertThat(source().fetch("policy.uri", http("/run/0"), hash))
                .as("from the cache, with or without a slash")
                .isEqualTo(got);
    }

    @Test
    void keepsNoTraceOfADamagedDownload() throws Exception {
        Path served = folder.resolve("served/run/0");
        String hash = snapshot(served, "model.safetensors", new byte[10]);
        Files.write(served.resolve("model.safetensors"), new byte[11]);
        ServiceException e = failure(source(), http("/run/0/"), hash);
        assertThat(e.code()).isEqualTo(Code.FAILED_PRECONDITION);
        assertThat(e).hasMessageContaining("model.safetensors: SHA-256");
        assertThat(cache).isEmptyDirectory();

        assertThat(failure(source(), http("/run/0/"), "f".repeat(64))).hasMessageContaining(hash);
        assertThat(failure(source(), http("/run/1/"), "")).hasMessageContaining("404");
        assertThat(cache).isEmptyDirectory();
    }

    @Test
    void keepsOnlyTheNewestDownloads() throws Exception {
        SnapshotSource source = source(2, http("/run/"));
        Path last = cache;
        for (int version = 0; version < 5; version++) {
            snapshot(folder.resolve("served/run/" + version), "w", new byte[] {(byte) version});
            last = source.fetch("policy.uri", http("/run/" + version + "/"), "");
        }
        try (var kept = Files.list(cache)) {
            assertThat(kept).hasSize(2).contains(last);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/run/../secret/",
                "/run/%2e%2e/secret/",
                "/run/..%2fsecret/",
                "/runs/0/",
                "/secret/",
                "/"
            })
    void refusesPathTricksByHttp(String path) {
        assertThat(failure(source(), http(path), "").code()).isEqualTo(Code.PERMISSION_DENIED);
    }

    @Test
    void hostOfTheAllowListIsAWholeHost() {
        SnapshotSource source = source(4, "http://127.0.0.1");
        assertThat(failure(source, "http://127.0.0.1.example.com/run/0/", "").code())
                .isEqualTo(Code.PERMISSION_DENIED);
        assertThat(failure(source, "http://127.0.0.1@example.com/run/0/", "").code())
                .isEqualTo(Code.PERMISSION_DENIED);
    }

    @Test
    void manifestCannotNameFilesElsewhere() throws Exception {
        Path served = Files.createDirectories(folder.resolve("served/run/0"));
        Files.writeString(
                served.resolve("forkpoint_manifest.json"),
                "{\"files\":{\"../escaped\":{\"sha256\":\"00\"}}}");
        assertThat(failure(source(), http("/run/0/"), "")).hasMessageContaining("../escaped");
        assertThat(folder.resolve("escaped")).doesNotExist();
    }

    @Test
    void followsNoRedirect() {
        assertThat(failure(source(), http("/run/moved/"), "")).hasMessageContaining("302");
    }

    @ParameterizedTest
    @ValueSource(strings = {"silent", "stalls"})
    void serverThatFallsSilentIsGivenUp(String kind) throws Exception {
        snapshot(folder.resolve("served/run/" + kind), "w", new byte[10]);
        SnapshotSource impatient = source(Duration.ofSeconds(1), 4, http("/run/"));
        assertThat(failure(impatient, http("/run/" + kind + "/"), ""))
                .hasMessageContaining("not there after 1 s");
    }
}
