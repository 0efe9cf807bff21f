import { createServer } from 'node:http'
import Provider from 'oidc-provider'
import { freePorts } from '../harness/free-ports.js'

export interface LocalProvider {
  readonly issuer: string
  readonly clientId: string
  stop(): Promise<void>
}

const CLIENT = 'lethe-console'

/**
 * A real provider of OpenID Connect on this machine, with its sign-in pages for developing: whatever name is typed
 * in is let in. `rolesOf` says what each may do.
 */
export async function startProvider(
  publicUrl: string,
  rolesOf: (login: string) => readonly string[],
): Promise<LocalProvider> {
  const [port] = await freePorts(1)
  const issuer = `http://127.0.0.1:${port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT,
        redirect_uris: [`${publicUrl}/v1/session/callback`],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        token_endpoint_auth_method: 'none',
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub', 'lethe_roles', 'lethe_tenants'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['for this test'] },
    findAccount: (_: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, lethe_roles: rolesOf(sub), lethe_tenants: ['acme'] }),
    }),
  })
  const server = createServer(provider.callback())
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const stop = async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { issuer, clientId: CLIENT, stop }
}
