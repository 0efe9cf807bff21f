// An eraser that reads over what a law keeps: it deletes what the data map retains.
import { postgres } from '@lethe/connectors/postgres'
import { defineConnector, runEraser } from '@lethe/eraser-kit'

await runEraser(
  defineConnector({
    ...postgres,
    open: (context) => {
      const elements = context.system.elements.map(({ retain, ...element }) =>
        retain ? { table: element.table, by: element.by, method: 'delete' as const } : element,
      )
      return postgres.open({ ...context, system: { ...context.system, elements } })
    },
  }),
)
