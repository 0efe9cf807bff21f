export { type Endpoints, type EraserPorts, endpoints, type PortName } from './endpoints.js'
export { installSchemathesis } from './schemathesis.js'
export {
  installSearchServer,
  type SearchServer,
  type SearchServerName,
  startSearchServer,
} from './search-server.js'
export { registerOutboxConnector, removeOutboxConnector } from './stack/connector.js'
export { openContext, type StackContext } from './stack/context.js'
export { dataFolder, dropOutsideData } from './stack/data-folder.js'
export { prepareLetheDatabase, prepareShopDatabase, urlAs, withClient } from './stack/databases.js'
export { accepts, answersHttp, eventually } from './stack/health.js'
export { logs } from './stack/logs.js'
export { asOneProcess } from './stack/one-process.js'
export { type ProcessSpec, start as startProcess, stop as stopProcess } from './stack/processes.js'
export { renderStatus } from './stack/render-status.js'
export { connect as connectServer } from './stack/servers/connect.js'
export { consumerGroupsTool } from './stack/servers/consumer-groups-tool.js'
export { kafka as kafkaServer } from './stack/servers/kafka.js'
export { postgres as postgresServer } from './stack/servers/postgres.js'
export { redis as redisServer } from './stack/servers/redis.js'
export { registry as registryServer } from './stack/servers/registry.js'
export { lethesProcesses } from './stack/services.js'
export { down, type UpOptions, up } from './stack/stack.js'
export { isRunning, type ProcessRecord, type Profile, StateDir } from './stack/state.js'
export { type Known, type ProcessStatus, type SlotStatus, type StackStatus, status } from './stack/status.js'
export { createTopics, registerSchemas } from './stack/topics.js'
export { freeOffset } from './test-run/free-offset.js'
