import { AsyncLocalStorage } from 'node:async_hooks'
import { describeError } from '../logger.js'
import type { SpanAttributes, SpanName } from './allowed.js'
import { parseTraceparent, rootOf, traceIdOf } from './trace-ids.js'

/** A request that some work concerns. */
export interface Traced {
  readonly requestId: string
  /** Of the message that brought it; believed only when it belongs to the request's own trace. */
  readonly traceparent?: string | undefined
  readonly attributes?: SpanAttributes
}

/** Says more of one of the requests: its position, and what came of it. */
export type Mark = (index: number, attributes: SpanAttributes) => void

export interface OpenSpan {
  readonly traceparent: string
  mark(attributes: SpanAttributes): void
  end(at?: number): void
}

export interface SpanStart {
  readonly name: SpanName
  /** W3C trace context of the parent; null starts a trace. */
  readonly parent: string | null
  /** The trace context the new span itself must have. */
  readonly as?: string
  readonly links?: readonly string[]
  /** Epoch milliseconds; default now. */
  readonly startedAt?: number
  readonly attributes: SpanAttributes
}

/** What makes the spans; none while tracing is off. */
export interface SpanMaker {
  start(span: SpanStart): OpenSpan
}

/** The spans around the running work, by request. */
interface Scope {
  readonly spans: ReadonlyMap<string, string>
  /** A batch that mixes requests has a trace of its own, which the spans inside link to. */
  readonly batch: string | null
  readonly outer: Scope | undefined
}

let maker: SpanMaker | null = null
const scopes = new AsyncLocalStorage<Scope>()
const unmarked: Mark = () => {}

export function useSpanMaker(next: SpanMaker | null): void {
  maker = next
}

export const tracingIsOn = (): boolean => maker !== null

/**
 * Runs `work` with one span per request, each in its request's trace, below the span that is open for that
 * request. While tracing is off it only calls `work`: `requests` is not even asked.
 */
export function spansAround<T>(
  name: SpanName,
  requests: () => readonly Traced[],
  work: (mark: Mark) => Promise<T>,
  options: { readonly root?: boolean } = {},
): Promise<T> {
  if (maker === null) return work(unmarked)
  const outer = scopes.getStore()
  const link = batchOf(outer)
  const opened = requests().map((traced) => open(name, traced, outer, link, options.root === true))
  const spans = new Map(opened.flatMap((one) => (one ? [[one.requestId, one.span.traceparent]] : [])))
  const mark: Mark = (index, attributes) => opened[index]?.span.mark(attributes)
  return ended(
    opened.flatMap((one) => one?.span ?? []),
    () => scopes.run({ spans, batch: null, outer }, () => work(mark)),
  )
}

/**
 * Runs `work` with one span for a batch of messages. A batch of one request is part of that request's trace;
 * a mixed one is a trace of its own that links to all of them.
 */
export function batchSpan<T>(
  attributes: SpanAttributes,
  requests: () => readonly Traced[],
  work: () => Promise<T>,
): Promise<T> {
  if (maker === null) return work()
  const all = requests()
  const only = new Set(all.map(({ requestId }) => requestId)).size === 1 ? all[0] : undefined
  if (only) return spansAround('kafka.consume', () => [{ ...only, attributes }], work)
  const links = all.flatMap((traced) => parentOf(traced, undefined) ?? [])
  const span = maker.start({ name: 'kafka.consume', parent: null, links, attributes })
  const scope: Scope = { spans: new Map(), batch: span.traceparent, outer: undefined }
  return ended([span], () => scopes.run(scope, work))
}

/** A span of something that is over. Without a request it is a trace of its own. */
export function pastSpan(
  name: SpanName,
  traced: Traced | null,
  { startedAt, endedAt, attributes }: { startedAt: number; endedAt: number; attributes: SpanAttributes },
): void {
  if (maker === null) return
  const parent = traced && parentOf(traced, undefined)
  const request = parent && traced ? { 'lethe.request.id': traced.requestId } : {}
  const span = maker.start({ name, parent, startedAt, attributes: { ...request, ...attributes } })
  span.end(Math.max(startedAt, endedAt))
}

/** Trace context for a message about a request: of the open span, or null while tracing is off. */
export function traceparentFor(requestId: string | null): string | null {
  if (maker === null || requestId === null) return null
  return parentOf({ requestId }, scopes.getStore())
}

function open(
  name: SpanName,
  traced: Traced,
  scope: Scope | undefined,
  link: string | null,
  root: boolean,
): { requestId: string; span: OpenSpan } | null {
  const parent = parentOf(traced, scope)
  if (maker === null || parent === null) return null
  const { requestId } = traced
  const attributes = { 'lethe.request.id': requestId, ...traced.attributes }
  const links = link === null ? [] : [link]
  const span = maker.start({ name, links, attributes, ...(root ? { parent: null, as: parent } : { parent }) })
  return { requestId, span }
}

function parentOf({ requestId, traceparent }: Traced, scope: Scope | undefined): string | null {
  const traceId = traceIdOf(requestId)
  if (traceId === null) return null
  for (let at = scope; at; at = at.outer) {
    const around = at.spans.get(requestId)
    if (around !== undefined) return around
  }
  // Whoever writes to a topic could put anything into a header: only the request's own trace is believed.
  return traceparent && parseTraceparent(traceparent)?.traceId === traceId ? traceparent : rootOf(traceId)
}

function batchOf(scope: Scope | undefined): string | null {
  for (let at = scope; at; at = at.outer) if (at.batch !== null) return at.batch
  return null
}

async function ended<T>(spans: readonly OpenSpan[], work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, type } = describeError(error)
    for (const span of spans) span.mark({ 'error.type': code ?? type })
    throw error
  } finally {
    for (const span of spans) span.end()
  }
}
