/// The tables that a connector sees, read from the source's catalogs in one round trip.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "connector/source.h"
#include "connectors/postgres/postgres_connection.h"
#include "connectors/postgres/postgres_options.h"

namespace weir::postgres {

/// Type oids as the server sends them in a row description, for each column of a table: of domains their base type.
using ColumnOids = std::map<std::string, uint32_t, std::less<>>;

/// Whether a column (pg_attribute a of pg_class c) never gives NULL: a table that others inherit from answers for them
/// too, nobody enforces what a foreign table is declared with, and from PostgreSQL 18 on NOT NULL can wait for its
/// validation.
inline constexpr std::string_view kNeverNull =
    "a.attnotnull AND c.relkind = 'r' AND NOT c.relhassubclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE "
    "conrelid = c.oid AND contype = 'n' AND NOT convalidated)";

/// What introspection found. Immutable and shared.
struct Introspection {
  connector::SourceSchemaPtr schema;
  std::map<plan::TableName, ColumnOids> oids;
};
using IntrospectionPtr = std::shared_ptr<const Introspection>;

/// Tables, partitioned tables, views, materialised views and foreign tables inside the scope, with the columns that the
/// user may select. Takes no lock on any table. Errors: source_*, timeout, cancelled.
Result<IntrospectionPtr> introspect(Connection& connection, const PostgresOptions& options, Waiter& waiter,
                                    Deadline deadline);

/// A statement that reads the types, and its answer. Composite types are left out: what the catalog does not know is
/// cast to text.
const char* type_catalog_query();
TypeCatalog read_type_catalog(const pg_result* result);

}  // namespace weir::postgres
