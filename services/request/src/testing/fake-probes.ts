import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Identifier, Subject } from '../domain/identifier.js'

export interface KnownPerson {
  readonly tenantId: string
  readonly identifiers: readonly Identifier[]
}

interface Asked {
  readonly subjects?: Subject[]
  readonly section?: FakeProbes['sections'][number]
}

/** Stands in for every probe deployment: a directory of people behind `/v1/resolve` and `/v1/preview`. */
export interface FakeProbes {
  readonly url: string
  readonly people: KnownPerson[]
  /** While set, every call is answered with this HTTP status. */
  failWith: number | null
  readonly calls: { readonly path: string; readonly subjects: readonly Subject[] }[]
  /** Answers to `/v1/describe`, by system id. */
  readonly described: Record<string, object>
  readonly sections: { readonly system: { readonly systemId: string } }[]
  close(): Promise<void>
}

export async function startFakeProbes(token: string): Promise<FakeProbes> {
  const probes: Omit<FakeProbes, 'url' | 'close'> = {
    people: [],
    failWith: null,
    calls: [],
    described: {},
    sections: [],
  }
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
    })
    request.on('end', () => {
      const authorised = request.headers.authorization === `Bearer ${token}`
      const status = authorised ? probes.failWith : 401
      const { subjects = [], section } = JSON.parse(text) as Asked
      probes.calls.push({ path: request.url ?? '', subjects })
      if (status !== null) return response.writeHead(status).end(text)
      if (section) {
        probes.sections.push(section)
        const nothing = { version: '1', findings: [], grants: null }
        return response
          .writeHead(200)
          .end(JSON.stringify(probes.described[section.system.systemId] ?? nothing))
      }
      const results = subjects.map((subject) => {
        const found = probes.people.filter((person) => matches(person, subject))
        return request.url === '/v1/resolve'
          ? found.map(({ identifiers }) => identifiers)
          : countsOf(found.length)
      })
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ results }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return Object.assign(probes, { url, close })
}

const matches = (person: KnownPerson, subject: Subject): boolean =>
  person.tenantId === subject.tenantId &&
  person.identifiers.some(({ type, value }) =>
    subject.identifiers.some((known) => known.type === type && known.value === value),
  )

const countsOf = (found: number) => ({
  users: { found, erased: 0, redacted: 0, retained: 0, failed: 0 },
})
