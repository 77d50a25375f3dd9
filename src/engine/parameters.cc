/// JSON values as DuckDB's.
#include "engine/parameters.h"

#include <string>

#include <nlohmann/json.hpp>

namespace weir::engine {
namespace {

using duckdb::Value;
using nlohmann::json;

Value to_value(const json& value);

Value to_list(const json& array) {
  duckdb::vector<Value> values;
  bool whole = true, number = true;
  for (const auto& element : array) {
    whole = whole && (element.is_number_integer() || element.is_null());
    number = number && (element.is_number() || element.is_null());
    values.push_back(to_value(element));
  }
  if (values.empty()) return Value::LIST(duckdb::LogicalType::VARCHAR, {});
  auto type = whole ? duckdb::LogicalType::BIGINT : number ? duckdb::LogicalType::DOUBLE : values[0].type();
  if (!number && type.id() == duckdb::LogicalTypeId::SQLNULL) type = duckdb::LogicalType::VARCHAR;
  return Value::LIST(type, std::move(values));
}

Value to_value(const json& value) {
  switch (value.type()) {
    case json::value_t::boolean:
      return Value::BOOLEAN(value.get<bool>());
    case json::value_t::number_integer:
      return Value::BIGINT(value.get<int64_t>());
    case json::value_t::number_unsigned:
      if (value.get<uint64_t>() <= INT64_MAX) return Value::BIGINT(value.get<int64_t>());
      return Value::UBIGINT(value.get<uint64_t>());
    case json::value_t::number_float:
      return Value::DOUBLE(value.get<double>());
    case json::value_t::string:
      return Value(value.get<std::string>());
    case json::value_t::array:
      return to_list(value);
    case json::value_t::object:
      return Value(value.dump());
    default:
      return Value();
  }
}

}  // namespace

Result<ParameterValues> parameter_values(const json& params) {
  ParameterValues values;
  if (params.is_null()) return values;
  if (!params.is_array() && !params.is_object()) {
    return fail(ErrorCode::invalid_request, "'params' must be an array or an object",
                "Send an array for $1, $2 ..., an object for $name.");
  }
  size_t position = 0;
  for (const auto& item : params.items()) {
    std::string name = params.is_array() ? std::to_string(++position) : item.key();
    values.emplace(name, duckdb::BoundParameterData(to_value(item.value())));
  }
  return values;
}

Result<ParameterValues> values_for(const duckdb::SQLStatement& statement, const ParameterValues& given) {
  ParameterValues values;
  for (const auto& [name, unused] : statement.named_param_map) {
    auto found = given.find(name);
    if (found == given.end()) {
      return fail(ErrorCode::invalid_query, "the parameter has no value: $" + name,
                  "Send the values as 'params': an array for $1, $2 ..., an object for $name.");
    }
    values.emplace(name, found->second);
  }
  return values;
}

}  // namespace weir::engine
