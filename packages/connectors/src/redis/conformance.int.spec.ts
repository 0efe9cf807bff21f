import { conformance } from '@lethe/eraser-kit/conformance'
import { redis } from './index.js'
import { openRedisBackdoor } from './redis-backdoor.spec.js'

conformance(redis, openRedisBackdoor)
