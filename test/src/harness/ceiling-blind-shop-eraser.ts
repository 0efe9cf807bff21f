// An eraser of the shop that knows no ceiling: it erases whatever there is.
import { postgres } from '@lethe/connectors/postgres'
import { defineConnector, runEraser } from '@lethe/eraser-kit'

await runEraser(
  defineConnector({ ...postgres, open: (context) => postgres.open({ ...context, ceiling: null }) }),
)
