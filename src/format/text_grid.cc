/// Measures, aligns and prints.
#include "format/text_grid.h"

#include <algorithm>
#include <utility>

#include "format/display_text.h"

namespace weir::format {
namespace {

constexpr std::string_view kDim = "\x1b[2m", kNormal = "\x1b[0m";
constexpr std::string_view kRule = "─", kCross = "┼", kBar = "│";

}  // namespace

TextGrid::TextGrid(std::vector<GridColumn> columns, TableOptions options)
    : columns_(std::move(columns)), options_(options) {
  for (GridColumn& column : columns_) {
    column.title = displayable(column.title);
    widths_.push_back(display_width(column.title));
  }
}

void TextGrid::add(std::vector<GridCell> row, std::string& out) {
  prepare(row);
  if (!measuring_) return print_row(row, out);
  for (size_t i = 0; i < row.size(); i++) {
    widths_[i] = std::max(widths_[i], display_width(row[i].text));
    held_bytes_ += row[i].text.size();
  }
  held_.push_back(std::move(row));
  if (held_.size() >= options_.measured_rows || held_bytes_ >= options_.measured_bytes) print_held(out);
}

void TextGrid::show_held(std::string& out) {
  if (!held_.empty()) print_held(out);
}

void TextGrid::finish(std::string& out) {
  if (measuring_) print_held(out);
}

void TextGrid::prepare(std::vector<GridCell>& row) const {
  for (GridCell& cell : row) {
    cell.text = displayable(cell.text);
    if (options_.column_width_max != 0) cell.text = truncated(cell.text, options_.column_width_max);
  }
}

void TextGrid::print_held(std::string& out) {
  measuring_ = false;
  print_head(out);
  for (const auto& row : std::exchange(held_, {})) print_row(row, out);
}

void TextGrid::print_head(std::string& out) const {
  std::vector<GridCell> titles;
  titles.reserve(columns_.size());
  for (const GridColumn& column : columns_) titles.push_back({column.title, false});
  print_row(titles, out);
  if (options_.colour) out += kDim;
  for (size_t i = 0; i < columns_.size(); i++) {
    if (i != 0) out += kCross;
    for (size_t n = 0; n < widths_[i] + 2; n++) out += kRule;
  }
  if (options_.colour) out += kNormal;
  out += '\n';
}

void TextGrid::print_row(const std::vector<GridCell>& row, std::string& out) const {
  for (size_t i = 0; i < row.size(); i++) {
    if (i != 0) {
      if (options_.colour) out += kDim;
      out += kBar;
      if (options_.colour) out += kNormal;
    }
    print_cell(i, row[i], out);
  }
  out += '\n';
}

void TextGrid::print_cell(size_t column, const GridCell& cell, std::string& out) const {
  const size_t width = display_width(cell.text);
  const size_t padding = widths_[column] > width ? widths_[column] - width : 0;
  const bool last = column + 1 == columns_.size();
  out += ' ';
  if (columns_[column].right) out.append(padding, ' ');
  if (cell.dim && options_.colour) out += kDim;
  out += cell.text;
  if (cell.dim && options_.colour) out += kNormal;
  if (columns_[column].right) {
    if (!last) out += ' ';
  } else if (!last) {
    out.append(padding + 1, ' ');
  }
}

}  // namespace weir::format
