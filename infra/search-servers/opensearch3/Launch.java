import java.nio.file.Path;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/** Runs one OpenSearch node on loopback until it is ended. Arguments: HTTP port, data folder. */
public class Launch {
  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    Path folder = Path.of(arguments[1]).toAbsolutePath();
    OpenSearchRunner runner = new OpenSearchRunner();
    runner
        .onBuild(
            (number, settings) -> {
              settings.put("network.host", "127.0.0.1");
              settings.put("http.port", String.valueOf(port));
              settings.put("transport.port", String.valueOf(port + 100));
              settings.put("discovery.type", "single-node");
              settings.put("path.repo", folder.resolveSibling("snapshots").toString());
              settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
              settings.putList("node.roles", "cluster_manager", "data", "ingest");
            })
        .build("-basePath", folder.toString(), "-numOfNode", "1", "-clusterName", "lethe-test");
    Thread.currentThread().join();
  }
}
