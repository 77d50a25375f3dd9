#include "engine/shown_rows.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "batch/schema.h"
#include "engine/arrow_vectors.h"
#include "engine/remote_types.h"

namespace weir::engine {
namespace {

using duckdb::idx_t;
using plan::Kind;

/// A task takes so many rows at a time.
constexpr idx_t kMorselRows = 10 * STANDARD_VECTOR_SIZE;

struct Format {
  std::string_view format, extension;
  Kind kind;
};

constexpr std::array kFormats = {
    Format{"b", "", Kind::boolean},
    Format{"s", "", Kind::int16},
    Format{"i", "", Kind::int32},
    Format{"l", "", Kind::int64},
    Format{"I", "", Kind::uint32},
    Format{"f", "", Kind::float32},
    Format{"g", "", Kind::float64},
    Format{"u", "", Kind::text},
    Format{"u", "arrow.json", Kind::json},
    Format{"z", "", Kind::binary},
    Format{"tdD", "", Kind::date},
    Format{"ttu", "", Kind::time},
    Format{"tsu:", "", Kind::timestamp},
    Format{"tsu:UTC", "", Kind::timestamptz},
    Format{"w:16", "arrow.uuid", Kind::uuid},
    Format{"w:16", "weir.interval", Kind::interval},
};

/// "d:12,2"
std::optional<plan::Type> decimal_type(std::string_view format) {
  plan::Type type{Kind::decimal, 0, 0, {}};
  const auto* end = format.data() + format.size();
  const auto precision = std::from_chars(format.data() + 2, end, type.precision);
  if (precision.ec != std::errc() || precision.ptr == end) return {};
  if (std::from_chars(precision.ptr + 1, end, type.scale).ec != std::errc()) return {};
  return type;
}

std::optional<plan::Type> type_of(const ArrowSchema& field) {
  const std::string_view format = field.format;
  if (format.starts_with("d:")) return decimal_type(format);
  if (format == "+l") {
    auto element = type_of(*field.children[0]);
    if (!element) return {};
    return plan::Type{Kind::list, 0, 0, {std::move(*element)}};
  }
  const auto extension = batch::extension_of(field);
  for (const auto& known : kFormats) {
    if (known.format == format && known.extension == extension) return plan::Type{known.kind, 0, 0, {}};
  }
  return {};
}

duckdb::LogicalType logical_type(const ShownField& field) {
  if (field.fields.empty()) return to_logical_type(field.type);
  duckdb::child_list_t<duckdb::LogicalType> children;
  for (const auto& child : field.fields) children.emplace_back(child.name, logical_type(child));
  return duckdb::LogicalType::STRUCT(std::move(children));
}

struct Binding final : duckdb::TableFunctionData {
  explicit Binding(const ShownRows& shown) : shown(shown) {}
  const ShownRows& shown;
  idx_t rows() const { return shown.rows == nullptr ? 0 : static_cast<idx_t>(shown.rows->length); }
};

struct Scan final : duckdb::GlobalTableFunctionState {
  std::vector<duckdb::column_t> columns;
  idx_t rows = 0;
  std::atomic<idx_t> next = 0;
  BatchOwner owner;
  idx_t MaxThreads() const override { return rows / kMorselRows + 1; }
};

struct Task final : duckdb::LocalTableFunctionState {
  idx_t row = 0, end = 0;
};

duckdb::unique_ptr<duckdb::FunctionData> bind(duckdb::ClientContext&, duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<duckdb::LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  const auto* shown = reinterpret_cast<const ShownRows*>(input.inputs[0].GetPointer());
  for (const auto& field : shown->fields) {
    types.push_back(logical_type(field));
    names.push_back(field.name);
  }
  return duckdb::make_uniq<Binding>(*shown);
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> start(duckdb::ClientContext&,
                                                           duckdb::TableFunctionInitInput& input) {
  auto scan = duckdb::make_uniq<Scan>();
  scan->columns.assign(input.column_ids.begin(), input.column_ids.end());
  scan->rows = input.bind_data->Cast<Binding>().rows();
  // The one who shows the rows keeps them; vectors want an owner all the same.
  scan->owner = own(std::make_shared<const connector::Batch>());
  return scan;
}

duckdb::unique_ptr<duckdb::LocalTableFunctionState> start_task(duckdb::ExecutionContext&,
                                                               duckdb::TableFunctionInitInput&,
                                                               duckdb::GlobalTableFunctionState*) {
  return duckdb::make_uniq<Task>();
}

bool is_valid(const ArrowArray& array, int64_t row) {
  if (array.null_count == 0 || array.buffers[0] == nullptr) return true;
  return (static_cast<const uint8_t*>(array.buffers[0])[row / 8] >> (row % 8) & 1) != 0;
}

void fill(duckdb::Vector& vector, const ShownField& field, const ArrowArray& array, int64_t row, int64_t count,
          const BatchOwner& owner) {
  if (field.fields.empty()) return fill_vector(vector, field.type, array, row, count, owner);
  auto& children = duckdb::StructVector::GetEntries(vector);
  for (size_t i = 0; i < field.fields.size(); ++i) {
    fill(*children[i], field.fields[i], *array.children[i], array.offset + row, count, owner);
  }
  for (int64_t i = 0; i < count; ++i) {
    if (!is_valid(array, array.offset + row + i)) duckdb::FlatVector::SetNull(vector, static_cast<idx_t>(i), true);
  }
}

void read(duckdb::ClientContext&, duckdb::TableFunctionInput& input, duckdb::DataChunk& chunk) {
  auto& scan = input.global_state->Cast<Scan>();
  auto& task = input.local_state->Cast<Task>();
  const auto& shown = input.bind_data->Cast<Binding>().shown;
  if (task.row == task.end) {
    task.row = std::min(scan.rows, scan.next.fetch_add(kMorselRows));
    task.end = std::min(scan.rows, task.row + kMorselRows);
  }
  const auto count = std::min<idx_t>(task.end - task.row, STANDARD_VECTOR_SIZE);
  for (size_t i = 0; count > 0 && i < scan.columns.size(); ++i) {
    auto& vector = chunk.data[i];
    if (scan.columns[i] >= shown.fields.size()) {  // a column that nobody reads, as for count(*)
      vector.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
      duckdb::ConstantVector::SetNull(vector, true);
      continue;
    }
    fill(vector, shown.fields[scan.columns[i]], *shown.rows->children[scan.columns[i]],
         shown.rows->offset + static_cast<int64_t>(task.row), static_cast<int64_t>(count), scan.owner);
  }
  chunk.SetCardinality(count);
  task.row += count;
}

duckdb::unique_ptr<duckdb::NodeStatistics> count_rows(duckdb::ClientContext&, const duckdb::FunctionData* data) {
  const auto rows = data->Cast<Binding>().rows();
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

duckdb::virtual_column_map_t virtual_columns(duckdb::ClientContext&, duckdb::optional_ptr<duckdb::FunctionData>) {
  duckdb::virtual_column_map_t columns;
  columns.insert({duckdb::COLUMN_IDENTIFIER_EMPTY, duckdb::TableColumn("", duckdb::LogicalType::BOOLEAN)});
  return columns;
}

}  // namespace

Result<std::vector<ShownField>> shown_fields(const ArrowSchema& schema) {
  std::vector<ShownField> fields;
  for (int64_t i = 0; i < schema.n_children; ++i) {
    const auto& child = *schema.children[i];
    ShownField field{child.name, {}, {}};
    if (std::string_view(child.format) == "+s") {
      field.fields = WEIR_TRY(shown_fields(child));
    } else if (auto type = type_of(child)) {
      field.type = std::move(*type);
    } else {
      return fail(ErrorCode::internal,
                  fmt::format("cannot show rows with a column of Arrow format {}: {}", child.format, child.name));
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

duckdb::TableFunction shown_rows_function() {
  duckdb::TableFunction function("weir_shown_rows", {duckdb::LogicalType::POINTER}, read, bind, start, start_task);
  function.projection_pushdown = true;
  function.cardinality = count_rows;
  function.get_virtual_columns = virtual_columns;
  return function;
}

}  // namespace weir::engine
