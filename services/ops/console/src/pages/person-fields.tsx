import { useState } from 'react'

const types = ['email', 'user_id', 'phone', 'vendor'] as const
const words: Readonly<Record<(typeof types)[number], string>> = {
  email: 'E-mail address',
  user_id: 'User id',
  phone: 'Telephone number',
  vendor: 'Id at a vendor',
}

/** Names a person. What is typed in goes into the body of one call; the browser is asked to remember none of it. */
export function PersonFields({ tenants }: { tenants: readonly string[] }) {
  const [type, setType] = useState<string>('email')
  const only = tenants.length === 1 && tenants[0] !== '*' ? tenants[0] : undefined
  return (
    <div className="fields">
      <p>
        <label htmlFor="person-tenant">Tenant of the person</label>
        <input
          id="person-tenant"
          name="tenantId"
          defaultValue={only}
          required
          maxLength={100}
          pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
          autoComplete="off"
          spellCheck={false}
        />
      </p>
      <p>
        <label htmlFor="person-type">Named by</label>
        <select id="person-type" name="type" value={type} onChange={(event) => setType(event.target.value)}>
          {types.map((one) => (
            <option key={one} value={one}>
              {words[one]}
            </option>
          ))}
        </select>
      </p>
      {type === 'vendor' && (
        <p>
          <label htmlFor="person-vendor">Vendor, as the data map calls it</label>
          <input
            id="person-vendor"
            name="vendor"
            required
            maxLength={40}
            pattern="[a-z0-9_\-]+"
            autoComplete="off"
            spellCheck={false}
          />
        </p>
      )}
      <p>
        <label htmlFor="person-value">Its value</label>
        <input
          id="person-value"
          name="value"
          required
          maxLength={512}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
        />
      </p>
    </div>
  )
}

/** The body of the call. */
export function personOf(form: FormData): {
  tenantId: string
  identifiers: { type: string; value: string }[]
} {
  const text = (name: string) => String(form.get(name) ?? '').trim()
  const type = text('type') === 'vendor' ? `vendor:${text('vendor')}` : text('type')
  return { tenantId: text('tenantId'), identifiers: [{ type, value: text('value') }] }
}
