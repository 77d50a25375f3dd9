/// A grid of text with a header line and aligned columns, for people.
#pragma once

#include <string>
#include <vector>

namespace weir::format {

/// How a grid looks.
struct TableOptions {
  size_t measured_rows = 1'000;       ///< rows that are held back to find the widths; later rows only get wider
  size_t measured_bytes = 16u << 20;  ///< or this much text
  size_t column_width_max = 0;        ///< cells beyond which a value is cut with "…"; 0: values are never cut
  bool colour = false;                ///< dim rules and NULLs by ANSI codes
};

struct GridColumn {
  std::string title;
  bool right = false;  ///< align to the right
};

struct GridCell {
  std::string text;  ///< any text; shown as `displayable` makes it
  bool dim = false;
};

/// Streams rows; memory is bounded by the measured ones.
class TextGrid {
 public:
  TextGrid(std::vector<GridColumn> columns, TableOptions options);
  void add(std::vector<GridCell> row, std::string& out);
  /// Writes the rows that were held back; later ones are only as wide as these allow.
  void show_held(std::string& out);
  /// Writes what was held back. A grid without rows is its header.
  void finish(std::string& out);

 private:
  void prepare(std::vector<GridCell>& row) const;
  void print_held(std::string& out);
  void print_head(std::string& out) const;
  void print_row(const std::vector<GridCell>& row, std::string& out) const;
  void print_cell(size_t column, const GridCell& cell, std::string& out) const;

  std::vector<GridColumn> columns_;
  TableOptions options_;
  std::vector<size_t> widths_;
  std::vector<std::vector<GridCell>> held_;
  size_t held_bytes_ = 0;
  bool measuring_ = true;
};

}  // namespace weir::format
