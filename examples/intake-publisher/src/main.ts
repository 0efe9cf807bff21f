// Another service asks for an erasure by publishing a message, and follows it to the end.
//
//   LETHE_REQUEST_URL=http://127.0.0.1:29001 LETHE_TOKEN=… LETHE_KAFKA=127.0.0.1:29092 \
//   LETHE_REGISTRY_URL=http://127.0.0.1:29081/apis/ccompat/v7 \
//   node examples/intake-publisher/dist/main.js acme u77 close-account-4711
import { followStatus, LetheClient, LetheIntake } from '@lethe/client'

const [tenantId, userId, idempotencyKey] = process.argv.slice(2)
const { LETHE_REQUEST_URL, LETHE_TOKEN, LETHE_KAFKA, LETHE_REGISTRY_URL, LETHE_TOPIC_PREFIX } = process.env
if (
  !tenantId ||
  !userId ||
  !idempotencyKey ||
  !LETHE_REQUEST_URL ||
  !LETHE_TOKEN ||
  !LETHE_KAFKA ||
  !LETHE_REGISTRY_URL
) {
  console.error(
    'usage: main.js TENANT USER_ID IDEMPOTENCY_KEY, with LETHE_REQUEST_URL, LETHE_TOKEN, LETHE_KAFKA and LETHE_REGISTRY_URL set',
  )
  process.exit(2)
}

const kafka = {
  brokers: LETHE_KAFKA.split(','),
  clientId: 'shop-backend',
  ...(LETHE_TOPIC_PREFIX ? { topicPrefix: LETHE_TOPIC_PREFIX } : {}),
}
const client = new LetheClient({ url: LETHE_REQUEST_URL, token: LETHE_TOKEN })
const intake = await LetheIntake.connect({
  kafka,
  registryUrl: LETHE_REGISTRY_URL,
  token: LETHE_TOKEN,
  key: await client.intakeKey(),
})

// The same idempotency key never makes a second request, so this program may be run again.
const intakeKey = await intake.publish(
  {
    tenantId,
    identifiers: [{ type: 'user_id', value: userId }],
    requesterRole: 'service',
    identity: { method: 'signed_in_session' },
    graceDays: 0,
  },
  idempotencyKey,
)
console.log('published')

// Milestones of other requests pass by too: ours is known by its intake key, and then by its id.
let requestId: string | null = null
const last = new Set(['completed', 'partially_completed', 'rejected', 'refused', 'cancelled', 'failed'])
const end = await new Promise<string>((resolve, reject) => {
  followStatus(
    { kafka, registryUrl: LETHE_REGISTRY_URL, group: `shop-backend.${intakeKey.slice(0, 12)}` },
    (milestone) => {
      if (milestone.intakeKey === intakeKey) requestId ??= milestone.requestId
      if (milestone.intakeKey !== intakeKey && (requestId === null || milestone.requestId !== requestId))
        return
      console.log(`${milestone.status}${milestone.problemCode ? ` (${milestone.problemCode})` : ''}`)
      if (last.has(milestone.status)) resolve(milestone.status)
    },
  ).catch(reject)
})
await intake.close()
process.exit(end === 'completed' || end === 'partially_completed' ? 0 : 1)
