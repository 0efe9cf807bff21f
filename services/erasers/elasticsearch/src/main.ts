import { elasticsearch } from '@lethe/connectors/elasticsearch'
import { runEraser } from '@lethe/eraser-kit'

await runEraser(elasticsearch)
