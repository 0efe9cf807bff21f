import { redis } from '@lethe/connectors/redis'
import { runEraser } from '@lethe/eraser-kit'

await runEraser(redis)
