// A probe that keeps what it will never need: far more memory than its work in flight.
import { redis } from '@lethe/connectors/redis'
import { runEraser } from '@lethe/eraser-kit'

const kept = Array.from({ length: 24 }, (_, n) => Buffer.alloc(25_000_000, n + 1))

await runEraser(redis)
// Still used after the start, or it would be collected.
setInterval(() => kept[0]?.writeUInt8(1), 60_000).unref()
