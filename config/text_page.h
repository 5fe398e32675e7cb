// A page of help or a report for a terminal: headings, paragraphs, and entries in two columns,
// wrapped to 80 columns, with or without colours.
//
// One thread at a time; owns its text; never blocks, never fails. Widths are counted in bytes: our
// own words are ASCII.
#pragma once

#include <string>
#include <string_view>

namespace pilotfish::config {

class TextPage {
  public:
    static constexpr std::size_t kColumns = 80;

    explicit TextPage(bool colour) : colour_(colour) {}

    // A blank line before it, unless it opens the page.
    void heading(std::string_view text);
    void paragraph(std::string_view text);
    // Two columns, the left one as wide as told; a longer name pushes the text to the next line.
    void entry(std::string_view name, std::string_view text, std::size_t name_columns);
    // As it stands, indented by two.
    void verbatim(std::string_view line);
    void blank();

    std::string take() { return std::move(text_); }

  private:
    void bold(std::string_view text);
    void wrap(std::string_view text, std::size_t indent, std::size_t column);

    bool colour_;
    std::string text_;
};

}  // namespace pilotfish::config
