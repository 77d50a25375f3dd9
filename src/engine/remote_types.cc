#include "engine/remote_types.h"

#include <duckdb/common/types/hugeint.hpp>

namespace weir::engine {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using plan::Constant;
using plan::Kind;

constexpr uint8_t kDecimalDigitsMax = 38;

/// Made in place: g++ 12 with sanitizers takes a moved variant for uninitialized.
template <typename Value>
std::optional<Constant> constant(plan::Type type, Value value) {
  return std::optional<Constant>(std::in_place, std::move(type), std::move(value));
}

template <typename Value>
std::optional<Constant> constant(Kind kind, Value value) {
  return constant(plan::Type{kind, 0, 0, {}}, std::move(value));
}

/// Integers beyond 64 bits travel as decimals of scale 0.
std::optional<Constant> wide_integer(const duckdb::Value& value) {
  auto digits = value.ToString();
  const size_t sign = digits.starts_with('-');
  if (digits.size() - sign > kDecimalDigitsMax) return {};
  return constant(plan::Type{Kind::decimal, kDecimalDigitsMax, 0, {}}, std::move(digits));
}

}  // namespace

LogicalType to_logical_type(const plan::Type& type) {
  switch (type.kind) {
    case Kind::boolean:
      return LogicalType::BOOLEAN;
    case Kind::int16:
      return LogicalType::SMALLINT;
    case Kind::int32:
      return LogicalType::INTEGER;
    case Kind::int64:
      return LogicalType::BIGINT;
    case Kind::uint32:
      return LogicalType::UINTEGER;
    case Kind::float32:
      return LogicalType::FLOAT;
    case Kind::float64:
      return LogicalType::DOUBLE;
    case Kind::decimal:
      return LogicalType::DECIMAL(type.precision, type.scale);
    case Kind::text:
      return LogicalType::VARCHAR;
    case Kind::binary:
      return LogicalType::BLOB;
    case Kind::date:
      return LogicalType::DATE;
    case Kind::time:
      return LogicalType::TIME;
    case Kind::timestamp:
      return LogicalType::TIMESTAMP;
    case Kind::timestamptz:
      return LogicalType::TIMESTAMP_TZ;
    case Kind::interval:
      return LogicalType::INTERVAL;
    case Kind::uuid:
      return LogicalType::UUID;
    case Kind::json:
      return LogicalType::JSON();
    case Kind::list:
      return LogicalType::LIST(to_logical_type(type.children.at(0)));
  }
  throw duckdb::InternalException("a remote column has an unknown kind");
}

std::optional<plan::Type> to_plan_type(const LogicalType& type) {
  if (type.HasAlias()) return {};
  if (type.id() == LogicalTypeId::DECIMAL) {
    return plan::Type{Kind::decimal, duckdb::DecimalType::GetWidth(type), duckdb::DecimalType::GetScale(type), {}};
  }
  static constexpr Kind kKinds[] = {Kind::boolean,     Kind::int16, Kind::int32, Kind::int64, Kind::float32,
                                    Kind::float64,     Kind::text,  Kind::date,  Kind::time,  Kind::timestamp,
                                    Kind::timestamptz, Kind::uuid,  Kind::binary};
  for (const auto kind : kKinds) {
    plan::Type plan{kind, 0, 0, {}};
    if (to_logical_type(plan) == type) return plan;
  }
  return {};
}

std::optional<Constant> to_constant(const duckdb::Value& value) {
  const auto& type = value.type();
  // The kind of a NULL does not matter to anyone: comparisons with it are not pushed, lists take it as it is.
  if (value.IsNull()) return constant(Kind::text, std::monostate{});
  if (type.IsJSONType()) return constant(Kind::json, duckdb::StringValue::Get(value));
  if (type.HasAlias()) return {};
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      return constant(Kind::boolean, value.GetValue<bool>());
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::SMALLINT:
      return constant(Kind::int16, value.GetValue<int64_t>());
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::INTEGER:
      return constant(Kind::int32, value.GetValue<int64_t>());
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::BIGINT:
      return constant(Kind::int64, value.GetValue<int64_t>());
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT:
      return wide_integer(value);
    case LogicalTypeId::FLOAT:
      return constant(Kind::float32, double{value.GetValue<float>()});
    case LogicalTypeId::DOUBLE:
      return constant(Kind::float64, value.GetValue<double>());
    case LogicalTypeId::DECIMAL:
      return constant(
          plan::Type{Kind::decimal, duckdb::DecimalType::GetWidth(type), duckdb::DecimalType::GetScale(type), {}},
          value.ToString());
    case LogicalTypeId::VARCHAR:
      return constant(Kind::text, duckdb::StringValue::Get(value));
    case LogicalTypeId::BLOB:
      return constant(Kind::binary, duckdb::StringValue::Get(value));
    case LogicalTypeId::DATE:
      return constant(Kind::date, value.ToString());
    case LogicalTypeId::TIME:
      return constant(Kind::time, value.ToString());
    case LogicalTypeId::TIMESTAMP:
      return constant(Kind::timestamp, value.ToString());
    case LogicalTypeId::TIMESTAMP_TZ:
      return constant(Kind::timestamptz, value.ToString());
    case LogicalTypeId::UUID:
      return constant(Kind::uuid, value.ToString());
    default:
      return {};
  }
}

}  // namespace weir::engine
