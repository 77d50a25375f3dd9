/// Framing of rows and the wording of what can go wrong in them.
#include "connectors/postgres/postgres_decoder.h"

#include <cstring>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "batch/column_builder.h"
#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/decode_fault.h"
#include "connectors/postgres/value_decoder.h"

namespace weir::postgres {
namespace {

constexpr std::string_view kCopySignature("PGCOPY\n\377\r\n\0", 11);
constexpr int16_t kCopyTrailer = -1;
/// Offsets of text columns have 32 bits; a "char" grows from one byte to four, but comes with four bytes of length.
constexpr size_t kBatchBytesMax = INT32_MAX;

struct Field {
  ValueDecoder decode;
  batch::ColumnBuilder column;
};

/// What is left of a message.
struct Cursor {
  const char* at;
  const char* end;

  size_t left() const { return static_cast<size_t>(end - at); }
  /// Nothing when the message ends before.
  template <typename T>
  std::optional<T> take() {
    if (left() < sizeof(T)) return std::nullopt;
    T value = load_big_endian<T>(at);
    at += sizeof(T);
    return value;
  }
};

}  // namespace

struct BatchDecoder::Impl {
  std::string table;
  std::vector<plan::Column> projected;
  DecodeLimits limits;
  std::vector<Field> fields;
  bool header_seen = false;
  bool trailer_seen = false;
  int64_t rows = 0;
  size_t bytes = 0;

  Status row_fault(std::string_view what) const {
    return fail(ErrorCode::internal,
                fmt::format("cannot decode a row of table {}: {} (protocol error; report it)", table, what));
  }
  Status value_fault(size_t index, const Outcome& outcome) const {
    return fail(describe_fault(outcome, table, projected[index]));
  }

  Status reserve(size_t row_bytes) {
    if (bytes + row_bytes > kBatchBytesMax) {
      return fail(ErrorCode::internal,
                  fmt::format("a batch of table {} was not taken in time: {} bytes", table, bytes));
    }
    bytes += row_bytes;
    return {};
  }

  Status read_copy_header(Cursor& cursor) {
    if (cursor.left() < kCopySignature.size() || std::string_view(cursor.at, kCopySignature.size()) != kCopySignature) {
      return row_fault("the signature of binary COPY is missing");
    }
    cursor.at += kCopySignature.size();
    auto flags = cursor.take<int32_t>();
    auto extension_bytes = cursor.take<int32_t>();
    if (!flags || !extension_bytes) return row_fault("the header of binary COPY is cut off");
    if (*flags != 0) return row_fault("the header of binary COPY has unknown flags");
    if (*extension_bytes < 0 || static_cast<size_t>(*extension_bytes) > cursor.left()) {
      return row_fault("the header of binary COPY is cut off");
    }
    cursor.at += *extension_bytes;
    header_seen = true;
    return {};
  }

  Status read_copy_row(Cursor& cursor) {
    auto count = cursor.take<int16_t>();
    if (!count) return row_fault("the number of values is cut off");
    if (*count == kCopyTrailer) {
      trailer_seen = true;
      return {};
    }
    if (static_cast<size_t>(*count) != fields.size()) {
      return row_fault(fmt::format("{} values, expected {}", *count, fields.size()));
    }
    for (size_t i = 0; i < fields.size(); i++) {
      if (Outcome outcome = read_copy_value(fields[i], cursor); !outcome) [[unlikely]]
        return value_fault(i, outcome);
    }
    rows++;
    return {};
  }

  static Outcome read_copy_value(Field& field, Cursor& cursor) {
    constexpr int32_t kLengthBytes = sizeof(int32_t);
    size_t left = cursor.left();
    if (left < kLengthBytes) return {Fault::truncated, static_cast<int32_t>(left), kLengthBytes};
    auto length = load_big_endian<int32_t>(cursor.at);
    const char* data = cursor.at + kLengthBytes;
    left -= kLengthBytes;
    if (length < 0) {
      cursor.at = data;
      if (length != -1) return {Fault::malformed};
      field.column.append_null();
      return kDecoded;
    }
    if (static_cast<size_t>(length) > left) return {Fault::truncated, static_cast<int32_t>(left), length};
    cursor.at = data + length;
    return field.decode(field.column, data, length);
  }

  Status append_copy_row(std::span<const char> message) {
    WEIR_TRY(reserve(message.size()));
    Cursor cursor{message.data(), message.data() + message.size()};
    // Behind a trailer the next COPY of the same columns begins.
    if (std::exchange(trailer_seen, false)) header_seen = false;
    if (!header_seen) WEIR_TRY(read_copy_header(cursor));
    while (cursor.left() > 0) {
      if (trailer_seen) return row_fault("data after the trailer of binary COPY");
      WEIR_TRY(read_copy_row(cursor));
    }
    return {};
  }

  Status append_values(std::span<const WireValue> row) {
    if (row.size() != fields.size()) {
      return row_fault(fmt::format("{} values, expected {}", row.size(), fields.size()));
    }
    size_t row_bytes = 0;
    for (const WireValue& value : row) row_bytes += sizeof(int32_t) + (value.length > 0 ? value.length : 0);
    WEIR_TRY(reserve(row_bytes));
    for (size_t i = 0; i < fields.size(); i++) {
      if (row[i].length < 0) {
        fields[i].column.append_null();
      } else if (Outcome outcome = fields[i].decode(fields[i].column, row[i].data, row[i].length); !outcome) {
        return value_fault(i, outcome);
      }
    }
    rows++;
    return {};
  }

  connector::Batch take() {
    std::vector<batch::OwnedArray> columns;
    columns.reserve(fields.size());
    for (Field& field : fields) columns.push_back(field.column.finish());
    bytes = 0;
    int64_t length = std::exchange(rows, 0);
    return {batch::make_struct(std::move(columns), length), length};
  }

  /// Memory is the only thing that can throw in here.
  template <typename Work>
  auto guarded(Work work) -> decltype(work()) {
    try {
      return work();
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::out_of_memory, fmt::format("no memory for a batch of table {}", table));
    }
  }
};

BatchDecoder::BatchDecoder(std::string table_for_errors, std::vector<plan::Column> projected, DecodeLimits limits)
    : impl_(std::make_unique<Impl>()) {
  impl_->table = std::move(table_for_errors);
  impl_->limits = limits;
  for (const plan::Column& column : projected) {
    impl_->fields.push_back(
        {make_value_decoder(column.type, column.cast_to_text, column.is_sum), make_column_builder(column.type)});
  }
  impl_->projected = std::move(projected);
}

BatchDecoder::~BatchDecoder() = default;
BatchDecoder::BatchDecoder(BatchDecoder&&) noexcept = default;
BatchDecoder& BatchDecoder::operator=(BatchDecoder&&) noexcept = default;

Status BatchDecoder::append_copy_row(std::span<const char> message) {
  return impl_->guarded([&] { return impl_->append_copy_row(message); });
}

Status BatchDecoder::append_values(std::span<const WireValue> row) {
  return impl_->guarded([&] { return impl_->append_values(row); });
}

int64_t BatchDecoder::rows() const { return impl_->rows; }
size_t BatchDecoder::bytes() const { return impl_->bytes; }
bool BatchDecoder::full() const {
  return impl_->rows >= impl_->limits.rows_max || impl_->bytes >= impl_->limits.bytes_max;
}

Result<connector::Batch> BatchDecoder::take() {
  return impl_->guarded([&]() -> Result<connector::Batch> { return impl_->take(); });
}

}  // namespace weir::postgres
