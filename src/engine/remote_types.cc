#include "engine/remote_types.h"

#include <duckdb/common/types/hugeint.hpp>

namespace weir::engine {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using plan::Constant;
using plan::Kind;

constexpr uint8_t kDecimalDigitsMax = 38;

/// Integers beyond 64 bits travel as decimals of scale 0.
std::optional<Constant> wide_integer(const duckdb::Value& value) {
  auto digits = value.ToString();
  const size_t sign = digits.starts_with('-');
  if (digits.size() - sign > kDecimalDigitsMax) return {};
  return Constant{{Kind::decimal, kDecimalDigitsMax, 0, {}}, std::move(digits)};
}

Constant integer(Kind kind, const duckdb::Value& value) {
  return Constant{{kind, 0, 0, {}}, value.GetValue<int64_t>()};
}

Constant text(plan::Type type, std::string value) { return Constant{std::move(type), std::move(value)}; }

}  // namespace

LogicalType to_logical_type(const plan::Type& type) {
  switch (type.kind) {
    case Kind::boolean: return LogicalType::BOOLEAN;
    case Kind::int16: return LogicalType::SMALLINT;
    case Kind::int32: return LogicalType::INTEGER;
    case Kind::int64: return LogicalType::BIGINT;
    case Kind::uint32: return LogicalType::UINTEGER;
    case Kind::float32: return LogicalType::FLOAT;
    case Kind::float64: return LogicalType::DOUBLE;
    case Kind::decimal: return LogicalType::DECIMAL(type.precision, type.scale);
    case Kind::text: return LogicalType::VARCHAR;
    case Kind::binary: return LogicalType::BLOB;
    case Kind::date: return LogicalType::DATE;
    case Kind::time: return LogicalType::TIME;
    case Kind::timestamp: return LogicalType::TIMESTAMP;
    case Kind::timestamptz: return LogicalType::TIMESTAMP_TZ;
    case Kind::interval: return LogicalType::INTERVAL;
    case Kind::uuid: return LogicalType::UUID;
    case Kind::json: return LogicalType::JSON();
    case Kind::list: return LogicalType::LIST(to_logical_type(type.children.at(0)));
  }
  throw duckdb::InternalException("a remote column has an unknown kind");
}

std::optional<Constant> to_constant(const duckdb::Value& value) {
  const auto& type = value.type();
  if (value.IsNull()) {
    // The kind of a NULL does not matter to anyone: comparisons with it are not pushed, lists take it as it is.
    return Constant{{Kind::text, 0, 0, {}}, std::monostate{}};
  }
  if (type.IsJSONType()) return text({Kind::json, 0, 0, {}}, duckdb::StringValue::Get(value));
  if (type.HasAlias()) return {};
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN: return Constant{{Kind::boolean, 0, 0, {}}, value.GetValue<bool>()};
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::SMALLINT: return integer(Kind::int16, value);
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::INTEGER: return integer(Kind::int32, value);
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::BIGINT: return integer(Kind::int64, value);
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT: return wide_integer(value);
    case LogicalTypeId::FLOAT: return Constant{{Kind::float32, 0, 0, {}}, double(value.GetValue<float>())};
    case LogicalTypeId::DOUBLE: return Constant{{Kind::float64, 0, 0, {}}, value.GetValue<double>()};
    case LogicalTypeId::DECIMAL:
      return text({Kind::decimal, duckdb::DecimalType::GetWidth(type), duckdb::DecimalType::GetScale(type), {}},
                  value.ToString());
    case LogicalTypeId::VARCHAR: return text({Kind::text, 0, 0, {}}, duckdb::StringValue::Get(value));
    case LogicalTypeId::BLOB: return text({Kind::binary, 0, 0, {}}, duckdb::StringValue::Get(value));
    case LogicalTypeId::DATE: return text({Kind::date, 0, 0, {}}, value.ToString());
    case LogicalTypeId::TIME: return text({Kind::time, 0, 0, {}}, value.ToString());
    case LogicalTypeId::TIMESTAMP: return text({Kind::timestamp, 0, 0, {}}, value.ToString());
    case LogicalTypeId::TIMESTAMP_TZ: return text({Kind::timestamptz, 0, 0, {}}, value.ToString());
    case LogicalTypeId::UUID: return text({Kind::uuid, 0, 0, {}}, value.ToString());
    default: return {};
  }
}

}  // namespace weir::engine
