import { expect, it } from 'vitest'
import { Cookies } from './cookies.js'

const secret = 'a'.repeat(43)

it('takes one cookie of its name and nothing that looks like one', () => {
  const cookies = new Cookies(null)
  expect(cookies.read(`other=1; lethe-session=${secret}; x=y`)).toBe(secret)
  for (const header of [
    undefined,
    '',
    'lethe-session=',
    `lethe-session=${secret}!`,
    `lethe-session=${secret}x`,
    `lethe-session=${secret}; lethe-session=${secret}`,
    `xlethe-session=${secret}`,
    `__Host-lethe-session=${secret}`,
  ])
    expect(cookies.read(header), header).toBeNull()
})

it('is bound to host and TLS where there is TLS', () => {
  const cookies = new Cookies('https://ops.example.com')
  expect(cookies.set(secret)).toBe(
    `__Host-lethe-session=${secret}; Path=/; HttpOnly; SameSite=Strict; Secure`,
  )
  expect(cookies.read(`lethe-session=${secret}`)).toBeNull()
  expect(cookies.clear()).toContain('Max-Age=0')
})
