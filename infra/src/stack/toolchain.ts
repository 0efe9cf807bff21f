/** Where the servers' programs are on this machine. */
export interface Toolchain {
  java: string
  postgresBin: string
  redisServer: string
  /** Folder with `kafka/`, `debezium/` and `registry/`, verified against artifacts.lock.json. */
  artifacts: string
}

interface FoundToolchain {
  java: { java: string } | null
  postgres: { bin: string } | null
  redis: string | null
  artifacts: string | null
}

/**
 * Finds what the set-up provides. Throws one message that lists everything missing. With `docker` only the
 * jars are needed, as the plugin folder of the Connect container.
 */
export async function toolchain(docker: boolean): Promise<Toolchain> {
  // The bootstrap needs the same search before anything is compiled, so it lives in plain JavaScript.
  const location = new URL('../../setup/toolchain.mjs', import.meta.url).href
  const { findToolchain } = (await import(location)) as { findToolchain(): FoundToolchain }
  const { java, postgres, redis, artifacts } = findToolchain()
  if (java && postgres && redis && artifacts)
    return { java: java.java, postgresBin: postgres.bin, redisServer: redis, artifacts }
  if (docker && artifacts) return { java: '', postgresBin: '', redisServer: '', artifacts }
  const missing = Object.entries({
    'a Java runtime of at least 21': java,
    'PostgreSQL of at least 15': postgres,
    'redis-server': redis,
    'the jars of Kafka, Connect and the registry': artifacts,
  }).flatMap(([what, found]) => (found ? [] : [what]))
  throw new Error(`Not installed: ${missing.join(', ')}. Run: npm run setup`)
}
