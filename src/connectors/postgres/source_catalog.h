/// The source's catalogs and casts, over a connection of their own that is opened when it is needed.
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>

#include "connectors/postgres/change_context.h"
#include "connectors/postgres/change_decoder.h"

namespace weir::postgres {

/// One thread. Errors of all: source_*, tls_*, timeout, cancelled.
class SourceCatalog final : public ChangeCatalog {
 public:
  /// Statements here read catalogs or cast values that they carry; one that takes longer than `statement_max` hangs.
  SourceCatalog(std::shared_ptr<const ChangeContext> context, Waiter& waiter,
                std::chrono::milliseconds statement_max = std::chrono::seconds(60))
      : context_(std::move(context)), waiter_(waiter), statement_max_(statement_max) {}

  Result<std::optional<TableFacts>> table(uint32_t oid, uint32_t xid) override;
  Result<ColumnNumbers> column_numbers(uint32_t oid, uint32_t xid) override;
  Result<CastValues> cast(uint32_t type_oid, const plan::Column& column, const RawValues& values) override;

  Result<std::vector<TableFacts>> tables(const std::vector<plan::TableName>& names);
  /// Runs statements of the simple protocol. A connection that has died since the last time is replaced.
  Result<std::vector<ResultHandle>> run(const std::string& text);
  Result<const Connection*> connection();

 private:
  /// How values of a type are sent back to the source.
  struct CastType {
    uint32_t oid = 0;        ///< of domains their base type
    uint32_t array_oid = 0;  ///< 0: none
    std::string name;        ///< as SQL writes it
  };

  template <typename Work>
  auto with_connection(const Work& work) -> decltype(work(std::declval<Connection&>()));
  Result<std::vector<ResultHandle>> run_when_visible(uint32_t xid, const std::string& text);
  Status cast_missing_values(TableFacts& facts);
  Result<CastType> cast_type(uint32_t type_oid);
  Status cast_together(const CastType& type, const RawValues& values, bool as_text, size_t from, size_t to,
                       CastValues& out);
  Status cast_singly(const CastType& type, const RawValues& values, std::string_view target, size_t from, size_t to,
                     CastValues& out);

  const std::shared_ptr<const ChangeContext> context_;
  Waiter& waiter_;
  const std::chrono::milliseconds statement_max_;
  std::unique_ptr<Connection> connection_;
  std::unordered_map<uint32_t, CastType> cast_types_;
};

}  // namespace weir::postgres
