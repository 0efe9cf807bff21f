-- A small multi-tenant shop: one table of people and eight that refer to them.
CREATE TABLE users (
  id text PRIMARY KEY,
  tenant_id text NOT NULL,
  email text NOT NULL,
  name text NOT NULL,
  stripe_customer_id text,
  created_at timestamptz NOT NULL,
  UNIQUE (tenant_id, email)
);
CREATE TABLE preferences (
  user_id text PRIMARY KEY REFERENCES users (id),
  tenant_id text NOT NULL,
  locale text NOT NULL,
  settings jsonb NOT NULL
);
CREATE TABLE sessions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id text NOT NULL REFERENCES users (id),
  tenant_id text NOT NULL,
  ip inet NOT NULL,
  started_at timestamptz NOT NULL
);
CREATE INDEX ON sessions (user_id);
CREATE TABLE notifications (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id text NOT NULL REFERENCES users (id),
  tenant_id text NOT NULL,
  body text NOT NULL
);
CREATE INDEX ON notifications (user_id);
CREATE TABLE activity_logs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id text,
  tenant_id text NOT NULL,
  action text NOT NULL,
  properties jsonb NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX ON activity_logs (user_id);
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id text REFERENCES users (id),
  tenant_id text NOT NULL,
  shipping_address text NOT NULL,
  customer_email text NOT NULL,
  total_cents integer NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX ON orders (user_id);
CREATE TABLE order_items (
  order_id bigint NOT NULL REFERENCES orders (id),
  line integer NOT NULL,
  sku text NOT NULL,
  quantity integer NOT NULL,
  PRIMARY KEY (order_id, line)
);
CREATE TABLE comments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id text REFERENCES users (id),
  parent_id bigint REFERENCES comments (id),
  tenant_id text NOT NULL,
  author_name text NOT NULL,
  body text NOT NULL
);
CREATE INDEX ON comments (user_id);
CREATE TABLE newsletter (
  tenant_id text NOT NULL,
  email text NOT NULL,
  subscribed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, email)
);
