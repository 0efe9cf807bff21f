import { postgres } from '@lethe/connectors/postgres'
import { runEraser } from '@lethe/eraser-kit'

await runEraser(postgres)
