-- The shop of the demo: 20,000 customers, 120,000 orders, 300,000 order lines; the same rows at every run.
create table customers (
  id bigint primary key,
  email text not null,
  name text not null,
  country char(2) not null,
  region text not null,
  credit numeric(12, 2) not null,
  signed_up timestamptz not null,
  preferences jsonb
);
create table orders (
  id bigint primary key,
  customer_id bigint not null references customers,
  status text not null,
  placed_at timestamptz not null,
  note text
);
create table order_lines (
  order_id bigint not null references orders,
  line integer not null,
  product text not null,
  quantity integer not null,
  price numeric(10, 2) not null,
  primary key (order_id, line)
);
insert into customers
select i, 'user' || i || '@example.com', (array['Ada','Grace','Edsger','Barbara','Donald','Frances'])[i % 6 + 1] || ' ' || i,
  (array['DE','FR','US','JP','BR'])[i % 5 + 1], (array['eu','eu','us','apac','latam'])[i % 5 + 1],
  ((i * 7919) % 1000000) / 100.0, timestamptz '2024-01-01 00:00:00Z' + (i * 37) * interval '1 minute',
  case when i % 4 = 0 then jsonb_build_object('newsletter', i % 8 = 0, 'theme', (array['dark','light'])[i % 2 + 1]) end
from generate_series(1, 20000) i;
insert into orders
select i, (i * 7919) % 20000 + 1, (array['open','paid','shipped','returned'])[i % 4 + 1],
  timestamptz '2026-01-01 00:00:00Z' + (i * 3) * interval '1 minute', case when i % 50 = 0 then 'gift' end
from generate_series(1, 120000) i;
insert into order_lines
select o, l, 'sku-' || ((o * 31 + l * 17) % 500), (o + l) % 9 + 1, ((o * 13 + l * 7) % 20000) / 100.0
from generate_series(1, 120000) o, lateral generate_series(1, (o % 4) + 1) l;
create index on orders (customer_id);
analyze;
