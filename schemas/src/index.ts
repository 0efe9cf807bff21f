/** Topic messages, as their Avro schemas define them. */

/** Events of the request stream, as their Avro schemas define them. */
export * as log from './generated/log.gen.js'
export { logSchemas } from './generated/log-schemas.gen.js'
export * as wire from './generated/messages.gen.js'
export { messagesSchemas } from './generated/messages-schemas.gen.js'
export { intakeKeyOf } from './intake-key.js'
export { canonicalJson, deriveMacKey, type MacKey, type MacScope, macOf, verifyMac } from './mac.js'
export { type TopicDefinition, type TopicName, topics } from './topics.js'
