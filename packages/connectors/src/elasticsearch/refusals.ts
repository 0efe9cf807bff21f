import { TerminalError } from '@lethe/eraser-kit'
import type { FieldProblem } from './mapping.js'

/** Why an index can't be erased from. */
export type TargetProblem = FieldProblem | RefusedIndex
type RefusedIndex =
  | 'missing_index'
  | 'index_closed'
  | 'data_stream'
  | 'alias_of_many'
  | 'filtered_alias'
  | 'routed_alias'
  | 'shared_alias'
  | 'tenant_unprovable'
  | 'source_disabled'
  | 'created_at_not_date'
  | 'until_not_date'

const MESSAGES: Readonly<Record<TargetProblem, string>> = {
  missing_field: 'has no field of that name in its mapping',
  inexact_field: 'is analysed text, or folded: map it as keyword, give it a keyword subfield, or name one',
  nested_field:
    'lies in nested documents, which are not searched like others: name a field of the document itself',
  unindexed_field: 'is not indexed: nobody can be found by it',
  missing_index: 'does not exist: put it back, or take it out of the map',
  index_closed: 'is closed: open it, or take it out of the map',
  data_stream:
    'is a data stream, which nobody is erased from: reindex it into an index, or take it out of the map',
  alias_of_many: 'is an alias of several indices: name each of them',
  filtered_alias: 'is an alias with a filter: name the index behind it',
  routed_alias: 'is an alias with a routing: name the index behind it',
  shared_alias:
    'is an alias of an index that other tenants use: name that index and have tenant: name a field',
  tenant_unprovable: 'holds several tenants and has no exact field that names the tenant',
  source_disabled: 'keeps no complete _source, so its documents can not be redacted: delete them instead',
  created_at_not_date: 'is no date',
  until_not_date: 'is no date of the document itself: a retention can not be counted from it',
}

/** `where` says index and field; both are the data map's words. */
export function targetError(code: TargetProblem, where: string): TerminalError {
  return new TerminalError(code, `${where} ${MESSAGES[code]}.`)
}

/** Thrown while looking at one index, so that other indices and tenants go on. */
export class IndexRefused extends Error {
  constructor(
    readonly code: TargetProblem,
    readonly where: string,
  ) {
    super(`${where} ${MESSAGES[code]}`)
  }
}
