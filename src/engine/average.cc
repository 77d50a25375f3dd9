#include "engine/average.h"

#include <duckdb/common/types/hugeint.hpp>
#include <duckdb/common/vector_operations/ternary_executor.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/expression/bound_constant_expression.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>

namespace weir::engine {
namespace {

using duckdb::hugeint_t;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::PhysicalType;

constexpr uint8_t kSumDigits = 38;

/// DuckDB gathers 16-bit values in 64 bits and divides doubles, wider ones in 128 bits and divides long doubles; the
/// scale of a decimal multiplies the divisor.
template <typename Float>
double divided(hugeint_t sum, int64_t count, double scale) {
  auto divisor = static_cast<Float>(static_cast<uint64_t>(count));
  divisor *= static_cast<Float>(scale);
  return static_cast<double>(duckdb::Hugeint::Cast<Float>(sum) / divisor);
}

void divide(duckdb::DataChunk& arguments, duckdb::ExpressionState& state, duckdb::Vector& result) {
  const auto& sum_type = state.expr.Cast<duckdb::BoundFunctionExpression>().children[0]->return_type;
  const auto scale =
      duckdb::Hugeint::Cast<double>(duckdb::Hugeint::POWERS_OF_TEN[duckdb::DecimalType::GetScale(sum_type)]);
  duckdb::TernaryExecutor::ExecuteWithNulls<hugeint_t, int64_t, bool, double>(
      arguments.data[0], arguments.data[1], arguments.data[2], result, arguments.size(),
      [scale](hugeint_t sum, int64_t count, bool is_short, duckdb::ValidityMask& valid, duckdb::idx_t row) {
        if (count == 0) {
          valid.SetInvalid(row);
          return 0.0;
        }
        return is_short ? divided<double>(sum, count, scale) : divided<long double>(sum, count, scale);
      });
}

/// Sums of all scales, 38 digits wide.
duckdb::unique_ptr<duckdb::FunctionData> bind_sum(duckdb::ClientContext&, duckdb::ScalarFunction& function,
                                                  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& arguments) {
  const auto& given = arguments[0]->return_type;
  const uint8_t scale = given.id() == LogicalTypeId::DECIMAL ? duckdb::DecimalType::GetScale(given) : uint8_t{0};
  function.arguments[0] = LogicalType::DECIMAL(kSumDigits, scale);
  return nullptr;
}

}  // namespace

bool divides_exact_sum(const LogicalType& input) {
  switch (input.id()) {
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::DECIMAL:
      return true;
    default:
      return false;
  }
}

duckdb::unique_ptr<duckdb::Expression> divide_sum(const LogicalType& input, duckdb::unique_ptr<duckdb::Expression> sum,
                                                  duckdb::unique_ptr<duckdb::Expression> count) {
  auto function = average_function();
  const uint8_t scale = input.id() == LogicalTypeId::DECIMAL ? duckdb::DecimalType::GetScale(input) : uint8_t{0};
  function.arguments[0] = LogicalType::DECIMAL(kSumDigits, scale);
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> arguments;
  arguments.push_back(duckdb::BoundCastExpression::AddDefaultCastToType(std::move(sum), function.arguments[0]));
  arguments.push_back(std::move(count));
  const bool is_short = input.InternalType() == PhysicalType::INT16;
  arguments.push_back(duckdb::make_uniq<duckdb::BoundConstantExpression>(duckdb::Value::BOOLEAN(is_short)));
  return duckdb::make_uniq<duckdb::BoundFunctionExpression>(LogicalType::DOUBLE, std::move(function),
                                                            std::move(arguments), nullptr);
}

duckdb::ScalarFunction average_function() {
  duckdb::ScalarFunction function("weir_average",
                                  {LogicalType::DECIMAL(kSumDigits, 0), LogicalType::BIGINT, LogicalType::BOOLEAN},
                                  LogicalType::DOUBLE, divide, bind_sum);
  function.null_handling = duckdb::FunctionNullHandling::DEFAULT_NULL_HANDLING;
  return function;
}

}  // namespace weir::engine
