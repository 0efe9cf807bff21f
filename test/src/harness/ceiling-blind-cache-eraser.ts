// An eraser of the cache that knows no ceiling: it erases whatever there is.
import { redis } from '@lethe/connectors/redis'
import { defineConnector, runEraser } from '@lethe/eraser-kit'

await runEraser(defineConnector({ ...redis, open: (context) => redis.open({ ...context, ceiling: null }) }))
